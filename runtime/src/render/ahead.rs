//! What is looked at next, brought near before it is needed.

/// Bytes that come at a time.
const LINE: usize = 64;

/// Asks for `count` items from the one `at` on, and does not wait for them. Why: pixels are loaded as soon as it is known
/// where they are, so that the first of a run would wait for memory.
#[inline(always)]
pub(super) fn bring<T>(items: &[T], at: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for byte in (0..count * size_of::<T>() + LINE).step_by(LINE) {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let place = items.as_ptr().wrapping_add(at).cast::<i8>().wrapping_add(byte);
        // SAFETY: a hint reads nothing, wherever it points.
        #[allow(unsafe_code, reason = "a hint to the processor")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(place);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, at, count, LINE);
}
