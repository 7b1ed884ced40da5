//! Words as pixels.

use font8x8::UnicodeFonts;

/// Columns and rows of a letter.
const LETTER: usize = 8;
const WHITE: u32 = 0x00ff_ffff;
const BLACK: u32 = 0;

/// Writes `lines` into the upper left corner of `pixels`, rows of `width`, each letter's dot `scale` pixels wide; what
/// does not fit is left out.
pub(super) fn write(lines: &[String], pixels: &mut [u32], width: usize, scale: usize) {
    for (number, line) in lines.iter().enumerate() {
        // A margin of half a letter.
        let top = scale * (LETTER / 2 + number * (LETTER + 2));
        for (place, letter) in line.chars().enumerate() {
            let left = scale * (LETTER / 2 + place * LETTER);
            let dots = font8x8::BASIC_FONTS.get(letter).unwrap_or_default();
            for (y, x) in (0..LETTER * scale).flat_map(|y| (0..LETTER * scale).map(move |x| (y, x)))
            {
                let dot = dots[y / scale] >> (x / scale) & 1 == 1;
                let at = (top + y) * width + left + x;
                if let Some(pixel) = pixels.get_mut(at).filter(|_| left + x < width) {
                    *pixel = if dot { WHITE } else { BLACK };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_white_on_black_and_stay_inside() {
        let (width, rows) = (30, 20);
        let mut pixels = vec![7; width * rows];
        write(&["I words that are too long".into(), "2".into(), "3".into()], &mut pixels, width, 1);
        let row = |y: usize| &pixels[y * width..][..width];
        assert!(row(3).iter().all(|p| *p == 7) && row(4)[..4] == [7; 4]);
        // The upper bar of an I is four dots, from the second on.
        assert_eq!(row(4)[4..12], [BLACK, WHITE, WHITE, WHITE, WHITE, BLACK, BLACK, BLACK]);
        assert!(row(14)[4..12].contains(&WHITE), "the second line begins ten rows further down");
    }
}
