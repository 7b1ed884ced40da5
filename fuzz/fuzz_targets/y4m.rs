//! Property: any bytes are an error or pictures, and those pictures survive writing and reading.
#![no_main]

use iev_exporter::input::layout::Layout;
use iev_exporter::input::y4m::{Header, HeaderLine, Reader, Writer};
use iev_runtime::Size;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let header = reader.header();
    if header.width * header.height > 1 << 16 {
        // Larger pictures take the same path, only slower.
        return;
    }
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = reader.next_frame() {
        frames.push(frame);
    }
    let size = Size { width_px: header.width as u16, height_px: header.height as u16 };
    let rate = header.rate.unwrap_or((25, 1));
    let mut sampling = header.sampling;
    sampling.siting = header.layout.siting(sampling.siting);
    let line = HeaderLine { size, rate, full_range: header.full_range, sampling };
    let mut writer = Writer::new(Vec::new(), line).expect("memory takes it");
    frames.iter().for_each(|frame| writer.write(frame).expect("memory takes it"));
    let written = writer.finish().expect("memory takes it");
    let mut again = Reader::new(&written[..]).expect("what was written is read");
    let layout = Layout::I420;
    let expected = Header { rate: Some(rate), layout, sampling, interlaced: false, ..header };
    assert_eq!(again.header(), expected);
    for frame in &frames {
        let read = again.next_frame().expect("whole frames").expect("as many");
        assert_eq!(&read, frame);
    }
});
