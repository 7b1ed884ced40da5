//! NVIDIA's board systems, by the TensorRT that comes with them.

use std::fmt;

/// A version of TensorRT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TensorRt(pub u8, pub u8);

impl fmt::Display for TensorRt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// One release of JetPack.
#[derive(Debug, Clone, Copy)]
pub struct JetPack {
    /// Its version.
    pub name: &'static str,
    /// Its TensorRT.
    pub tensorrt: TensorRt,
}

/// Releases that a graph is judged for, oldest first.
pub const JETPACKS: [JetPack; 6] = [
    JetPack { name: "5.1", tensorrt: TensorRt(8, 5) },
    JetPack { name: "6.0", tensorrt: TensorRt(8, 6) },
    JetPack { name: "6.1", tensorrt: TensorRt(10, 3) },
    JetPack { name: "6.2", tensorrt: TensorRt(10, 3) },
    JetPack { name: "7.1", tensorrt: TensorRt(10, 13) },
    JetPack { name: "7.2", tensorrt: TensorRt(10, 16) },
];

/// The oldest that boards' profiles are written for, that of JetPack 6.1.
pub const OLDEST: TensorRt = TensorRt(10, 3);

/// Newest operator set that each parser reads: from this TensorRT on, at least up to this opset.
pub const OPSETS: [(TensorRt, i64); 4] =
    [(TensorRt(8, 4), 13), (TensorRt(8, 5), 17), (TensorRt(10, 0), 20), (TensorRt(10, 6), 22)];

/// Operators outside the portable set that a newer TensorRT has.
pub const LATER: [(&str, TensorRt); 2] =
    [("GroupNormalization", TensorRt(8, 6)), ("LayerNormalization", TensorRt(8, 6))];

/// Element types by number in `TensorProto.DataType`, name, and the first TensorRT that takes them.
/// Types that are not here no TensorRT takes.
pub const TYPES: [(i32, &str, TensorRt); 10] = [
    (1, "f32", TensorRt(8, 5)),
    (3, "int8", TensorRt(8, 5)),
    (6, "int32", TensorRt(8, 5)),
    // Before 9.0 the parser narrows them to int32, which shapes and bounds survive.
    (7, "int64", TensorRt(8, 5)),
    (9, "bool", TensorRt(8, 5)),
    (10, "f16", TensorRt(8, 5)),
    // Only where a value enters or leaves the graph.
    (2, "uint8", TensorRt(10, 0)),
    (16, "bf16", TensorRt(9, 0)),
    (17, "f8e4m3fn", TensorRt(9, 0)),
    (22, "int4", TensorRt(10, 0)),
];
