//! Small numbers the context functions share (FORMAT.md §7).

/// `value` clamped to ±`limit`, shifted to 0‥2·`limit`.
pub(crate) fn signed(value: i32, limit: i32) -> u32 {
    (value.clamp(-limit, limit) + limit).unsigned_abs()
}

/// Magnitude classes 0‥15, half octaves: 0, 1, 2, 3, 4–5, 6–7, 8–11, …
pub(crate) fn class(magnitude: u32) -> u32 {
    match magnitude {
        0..=3 => magnitude,
        m => {
            let log2 = m.ilog2();
            (2 * log2 + ((m >> (log2 - 1)) & 1)).min(15)
        }
    }
}

/// Packs digits of the given bases into one context value below 256.
pub(crate) fn pack(digits: &[(u32, u32)]) -> u8 {
    let value =
        digits.iter().fold(0, |packed, (digit, base)| packed * base + (*digit).min(base - 1));
    debug_assert!(digits.iter().map(|d| d.1).product::<u32>() <= 256, "a context has 256 values");
    value as u8
}
