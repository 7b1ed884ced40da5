//! Tells the C allocator to keep what libtorch frees.
//!
//! A training step allocates and frees some hundred tensors of megabytes. By default each of them is a
//! fresh mapping whose pages the kernel clears again: a fifth of a step was spent there.
#![allow(unsafe_code, reason = "mallopt has no safe wrapper")]

/// Serves large blocks from the heap and never gives the heap back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_freed_memory() {
    for (option, value) in
        [(libc::M_MMAP_MAX, 0), (libc::M_TRIM_THRESHOLD, i32::MAX), (libc::M_ARENA_MAX, 1)]
    {
        // SAFETY: mallopt only stores a setting; it may be called at any time from any thread.
        unsafe { libc::mallopt(option, value) };
    }
}

/// Other allocators keep their defaults.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_freed_memory() {}
