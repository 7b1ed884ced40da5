//! The systemd unit that plays a stream without a display.

use std::path::Path;

use crate::cross::BoardProgram;

/// Text of `iev@.service` for a program below `/prefix`.
///
/// An instance names a stream by its escaped path, as `systemd-escape --path` prints it.
pub(crate) fn text(built: &BoardProgram, prefix: &Path) -> Vec<u8> {
    let BoardProgram { title, board, .. } = built;
    // Without a GPU no device is needed and nothing writes code at run time; a GPU needs both.
    let devices = if built.gpu {
        "# Device nodes of the GPU belong to this group on a Jetson.\nSupplementaryGroups=video\n"
    } else {
        "PrivateDevices=yes\nDevicePolicy=closed\nMemoryDenyWriteExecute=yes\nPrivateUsers=yes\n"
    };
    let text = format!(
        "\
[Unit]
Description=IEV stream %f on {title}
Documentation=man:iev-decode(1)

[Service]
Type=exec
# /etc/default/iev may say otherwise: IEV_ARGUMENTS for iev decode, ORT_DYLIB_PATH for the library.
Environment=\"IEV_ARGUMENTS=--muxer null\"
EnvironmentFile=-/etc/default/iev
# Statistics go to the journal when the stream ends.
ExecStart=/{prefix}/bin/iev decode %f --board {board} --keep-going --quiet --stats json $IEV_ARGUMENTS

DynamicUser=yes
RuntimeDirectory=iev
{devices}CapabilityBoundingSet=
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateNetwork=yes
IPAddressDeny=any
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
",
        prefix = prefix.display(),
    );
    text.into_bytes()
}
