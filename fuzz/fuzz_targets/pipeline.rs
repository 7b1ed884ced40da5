//! Property: the pipeline shows the same pictures as the serial decoder, stops at the same error,
//! and ends, whatever the file and wherever the consumer leaves.
#![no_main]

use iev_fuzz::{everything, player};
use iev_runtime::play::shown::ShownFrame;
use iev_runtime::{Error, Result};
use libfuzzer_sys::fuzz_target;

fn told(shown: Result<ShownFrame>) -> std::result::Result<Vec<Vec<u8>>, String> {
    let pictures = |shown: ShownFrame| shown.with_ids().map(|(_, p)| p.i420().to_vec()).collect();
    shown.map(pictures).map_err(|error: Error| error.to_string())
}

fuzz_target!(|input: (u8, &[u8])| {
    let (leave, bytes) = input;
    let Ok(player) = player(bytes) else { return };
    let selection = everything(&player);
    let serial = player.decode_serial(&selection).expect("everything is in the stream");
    let mut piped = player.play(&selection).expect("threads start");
    for shown in serial.take(usize::from(leave)) {
        let failed = shown.is_err();
        assert!(piped.next().map(told) == Some(told(shown)), "the same pictures or error");
        if failed {
            assert!(piped.next().is_none(), "an error is the last answer");
            return;
        }
    }
});
