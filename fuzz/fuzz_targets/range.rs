//! Property: symbols that the entropy encoder writes are what the decoder reads, whatever the
//! contexts; and any bytes decode to symbols that encode and decode to themselves.
#![no_main]

use iev_runtime::format::mixing::{CONTEXTS, SymbolModel};
use iev_runtime::format::range::{BitCoder, Decoder, Encoder};
use libfuzzer_sys::fuzz_target;

type Symbol = ([u8; CONTEXTS], i16);

fn code(coder: &mut impl BitCoder, model: &mut SymbolModel, symbols: &[Symbol]) -> Vec<i16> {
    model.reset();
    symbols.iter().map(|(contexts, value)| model.code(coder, contexts, *value)).collect()
}

fn survives(model: &mut SymbolModel, symbols: &[Symbol]) {
    let mut encoder = Encoder::new(Vec::new());
    code(&mut encoder, model, symbols);
    let bytes = encoder.finish();
    let decoded = code(&mut Decoder::new(&bytes), model, symbols);
    assert!(decoded.iter().eq(symbols.iter().map(|(_, value)| value)), "{symbols:?}");
}

fuzz_target!(|input: (Vec<Symbol>, Vec<u8>)| {
    let (mut symbols, bytes) = input;
    symbols.truncate(512);
    let mut model = Box::new(SymbolModel::new());
    survives(&mut model, &symbols);
    let decoded = code(&mut Decoder::new(&bytes), &mut model, &symbols);
    symbols.iter_mut().zip(decoded).for_each(|(symbol, value)| symbol.1 = value);
    survives(&mut model, &symbols);
});
