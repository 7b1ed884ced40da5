//! How many instructions a program takes on another processor: qemu's log of what it runs, added up.
//!
//! Why a log: Debian's qemu for programs is built without plugins, and its time says nothing of a board's.

use std::collections::HashMap;
use std::io::BufRead;

use anyhow::{Context, Result};

/// Variable by which qemu is told what to log, and what [`count`] takes: every block of instructions when it is translated
/// and whenever it runs.
pub(crate) const LOG: (&str, &str) = ("QEMU_LOG", "in_asm,exec,nochain");

/// Instructions run, by a log of qemu's with whatever the program itself prints in between.
pub(crate) fn count(mut log: impl BufRead) -> Result<u64> {
    // Of each block, by its address, as it was translated last.
    let mut sizes: HashMap<u64, u64> = HashMap::new();
    let (mut line, mut block, mut run) = (Vec::new(), None, 0);
    loop {
        line.clear();
        if log.read_until(b'\n', &mut line)? == 0 {
            return Ok(run);
        }
        if line.starts_with(b"Trace ") {
            let address = executed(&line).context("qemu logs blocks in another way")?;
            run += sizes.get(&address).context("qemu ran a block that it did not translate")?;
        } else if line.starts_with(b"IN:") {
            block = None;
        } else if let Some(address) = listed(&line) {
            let block = *block.get_or_insert_with(|| {
                sizes.insert(address, 0);
                address
            });
            *sizes.entry(block).or_default() += 1;
        }
    }
}

/// The address of `Trace 0: HOST [BASE/ADDRESS/FLAGS/FLAGS] NAME`.
fn executed(line: &[u8]) -> Option<u64> {
    hexadecimal(line.split(|byte| *byte == b'/').nth(1)?)
}

/// The address of `0xADDRESS:  CODE  INSTRUCTION`.
fn listed(line: &[u8]) -> Option<u64> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    hexadecimal(line[..colon].strip_prefix(b"0x")?)
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGGED: &str = "\
----------------
IN: main
0x00400100:  d2800000  mov      x0, #0
0x00400104:  14000001  b        #0x400108

Trace 0: 0x7f0000000100 [00001001/0000000000400100/00000001/00000200] main
iev: warning: 0xab is no address
----------------
IN:
0x00400108:  d65f03c0  ret

Trace 0: 0x7f0000000200 [00001001/0000000000400108/00000001/00000200]
Trace 1: 0x7f0000000100 [00001001/0000000000400100/00000001/00000200] main
";

    #[test]
    fn instructions_are_those_of_the_blocks_that_run() {
        assert_eq!(count(LOGGED.as_bytes()).unwrap(), 2 + 1 + 2);
        // Translated anew, a block may be shorter.
        let again = "IN:\n0x00400100:  d2800000  mov\n\nTrace 0: 0x7 [0/0000000000400100/0/0]\n";
        assert_eq!(count([LOGGED, again].concat().as_bytes()).unwrap(), 5 + 1);
    }

    #[test]
    fn another_log_is_no_count() {
        for odd in ["Trace 0: 0x7f0000000100\n", "Trace 0: 0x7 [0/0000000000400100/0/0]\n"] {
            assert!(count(odd.as_bytes()).is_err(), "{odd}");
        }
    }
}
