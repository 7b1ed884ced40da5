//! Property: any file is an error or pictures of the header's size, every view at every frame, and
//! nothing that openh264 or the kernels do with it trips the address sanitizer.
#![no_main]

use iev_fuzz::{everything, player};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(player) = player(bytes) else { return };
    let _ = player.cameras();
    let selection = everything(&player);
    let shown = player.decode_serial(&selection).expect("everything is in the stream");
    for (frame, shown) in selection.frames.clone().zip(shown) {
        let Ok(shown) = shown else { return };
        assert_eq!(shown.frame.0, frame, "frames follow one another");
        assert_eq!(shown.pictures.len(), player.header().views.len(), "every view is shown");
        assert!(shown.with_ids().all(|(_, picture)| picture.size() == player.header().size));
    }
});
