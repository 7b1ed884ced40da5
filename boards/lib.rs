//! The board profiles of this folder as text; the player `iev-runtime` reads and checks them.
#![no_std]

macro_rules! profiles {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!($name, ".toml")))),*]
    };
}

/// Names and texts of the profiles, sorted by name.
pub const PROFILES: [(&str, &str); 7] = profiles!(
    "generic_aarch64" "jetson_agx_orin" "jetson_orin_nano_8g" "jetson_orin_nx_16g" "jetson_thor"
    "x86_cuda" "x86_edge"
);
