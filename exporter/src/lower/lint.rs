//! Refuses templates that some execution provider could not run, or that carry what only a stream
//! may carry, and says which boards' systems could run a graph nevertheless.

use super::jetpack::{JetPack, LATER, OLDEST, OPSETS, TYPES, TensorRt};
use super::onnx::{
    AttributeProto, EXTERNAL, FLOAT, FLOAT16, GraphProto, ModelProto, NodeProto, TensorProto,
    UINT8, ValueInfoProto,
};

/// Operators that every provider we name runs: CPU, CUDA, and TensorRT from 8.5 on.
///
/// Why Reshape, Squeeze and Transpose: GridSample wants its grid channels-last and ONNX has no
/// portable SpaceToDepth; TensorRT folds all three into copies. Why Sub: it needs no constant.
pub const PORTABLE: [&str; 21] = [
    "Add",
    "Cast",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "DequantizeLinear",
    "Floor",
    "Gather",
    "GridSample",
    "Mul",
    "QuantizeLinear",
    "Relu",
    "Reshape",
    "Resize",
    "Round",
    "Sigmoid",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
];

/// Bytes of the largest constant a template may hold besides zeros: shapes and bounds, never weights.
const CONSTANT_BYTES: usize = 64;

/// One thing a template must not contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {rule}")]
pub struct Offence {
    /// Name of the node, value or initializer.
    pub node: String,
    /// The rule it breaks.
    pub rule: String,
    /// The first TensorRT that does not mind; none when there is no such version.
    pub until: Option<TensorRt>,
}

impl Offence {
    fn always(node: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { node: node.into(), rule: rule.into(), until: None }
    }

    /// Breaks `what`, which TensorRT has from `since` on.
    fn before(since: TensorRt, node: impl Into<String>, what: &str) -> Self {
        let rule = format!("{what} needs TensorRT {since}");
        Self { node: node.into(), rule, until: Some(since) }
    }

    /// Whether it keeps a graph from a board whose profile is here.
    pub fn on_boards(&self) -> bool {
        self.until.is_none_or(|version| OLDEST < version)
    }

    /// Whether it keeps a graph from `jetpack`.
    pub fn on(&self, jetpack: &JetPack) -> bool {
        self.until.is_none_or(|version| jetpack.tensorrt < version)
    }
}

/// Everything in `model` that breaks a rule on some board.
pub fn lint(model: &ModelProto) -> Vec<Offence> {
    let Some(graph) = &model.graph else {
        return vec![Offence::always("model", "a model has a graph")];
    };
    let mut found = opset(model);
    if !model.functions.is_empty() {
        found.push(Offence::always("model", "a model defines no operators of its own"));
    }
    if !graph.sparse_initializer.is_empty() {
        found.push(Offence::always("model", "constants are dense"));
    }
    found.extend(graph.node.iter().flat_map(|node| operator(graph, node)));
    found.extend(graph.initializer.iter().flat_map(initializer));
    found.extend(values(graph));
    found
}

/// Whether every parser reads the model's operator set.
fn opset(model: &ModelProto) -> Vec<Offence> {
    let own = |domain: &Option<String>| domain.as_deref().is_none_or(str::is_empty);
    let set = model.opset_import.iter().find(|set| own(&set.domain)).and_then(|set| set.version);
    let Some(version) = set else {
        return vec![Offence::always("model", "a model names the opset of ONNX's operators")];
    };
    let what = format!("opset {version}");
    match OPSETS.iter().find(|(_, newest)| version <= *newest) {
        Some((since, _)) if *since <= TensorRt(8, 5) => Vec::new(),
        Some((since, _)) => vec![Offence::before(*since, "model", &what)],
        None => {
            vec![Offence::always("model", format!("{what} is newer than these TensorRTs read"))]
        }
    }
}

fn attribute<'a>(node: &'a NodeProto, name: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|a| a.name.as_deref() == Some(name))
}

fn word<'a>(node: &'a NodeProto, name: &str) -> Option<&'a [u8]> {
    attribute(node, name).and_then(|a| a.s.as_deref())
}

fn operator(graph: &GraphProto, node: &NodeProto) -> Vec<Offence> {
    let op = node.op_type.as_deref().unwrap_or_default();
    let name = node.name.clone().unwrap_or_default();
    let own = node.domain.as_deref().is_none_or(str::is_empty);
    // Operators that some provider lacks, with the TensorRT that has them.
    if !own || !PORTABLE.contains(&op) {
        let later = LATER.iter().find(|(later, _)| own && *later == op);
        // Attributes for which an operator that all have does not run everywhere.
        let rule = format!("operator {op:?} is not in the portable set");
        let until = later.map(|(_, since)| *since);
        return vec![Offence { node: name, rule, until }];
    }
    let rule = |holds: bool, rule: &str| (!holds).then(|| Offence::always(name.clone(), rule));
    let rules = match op {
        "DepthToSpace" => {
            vec![rule(word(node, "mode") == Some(b"CRD"), "DepthToSpace is in CRD order")]
        }
        "Resize" => vec![
            rule(
                matches!(word(node, "mode"), None | Some(b"nearest" | b"linear")),
                "Resize is linear or nearest",
            ),
            rule(
                word(node, "coordinate_transformation_mode") != Some(b"tf_crop_and_resize"),
                "Resize does not crop",
            ),
            rule(
                attribute(node, "antialias").and_then(|a| a.i).unwrap_or(0) == 0,
                "Resize does not filter",
            ),
        ],
        "GridSample" => {
            let rank = node.input.first().and_then(|input| rank(graph, input));
            vec![rule(rank.is_none_or(|rank| rank == 4), "GridSample is of four dimensions")]
        }
        "QuantizeLinear" | "DequantizeLinear" => quantisation(graph, node, &name),
        "Cast" => vec![cast(graph, node, &name)],
        "Conv" => convolution(graph, node).map(|(holds, what)| rule(holds, what)).into(),
        _ => Vec::new(),
    };
    rules.into_iter().flatten().collect()
}

/// TensorRT casts bytes that enter the graph to f32, f32 to bytes that leave it, and between f32 and f16.
fn cast(graph: &GraphProto, node: &NodeProto, name: &str) -> Option<Offence> {
    let to = attribute(node, "to").and_then(|a| a.i);
    let (values, side) = match to {
        Some(to) if to == i64::from(FLOAT16) => return None,
        Some(to) if to == i64::from(UINT8) => (&graph.output, node.output.first()),
        Some(to) if to == i64::from(FLOAT) => {
            let conv =
                made_by(graph, node, 0).filter(|node| node.op_type.as_deref() == Some("Conv"));
            if conv.is_some_and(|conv| in_f16(graph, conv).all(|half| half)) {
                return None;
            }
            (&graph.input, node.input.first())
        }
        _ => return Some(Offence::always(name, "a cast is between f32 and f16 or uint8")),
    };
    Some(match values.iter().find(|value| value.name.as_ref() == side).and_then(element) {
        Some(UINT8) => Offence::before(TensorRt(10, 0), name, "uint8"),
        _ => Offence::always(
            name,
            "a cast to f32 or uint8 is of uint8 at the edge of the graph, or of a convolution in f16",
        ),
    })
}

/// A convolution is of one type, for TensorRT converts nothing by itself. Kernels that are no constants are of a size
/// that is given: before 10.4 TensorRT may infer another.
fn convolution(graph: &GraphProto, node: &NodeProto) -> [(bool, &'static str); 2] {
    let halves: Vec<bool> = in_f16(graph, node).collect();
    let kernel = node.input.get(1);
    let constant = graph.initializer.iter().any(|t| t.name.as_ref() == kernel);
    [
        (halves.iter().all(|half| *half == halves[0]), "a convolution is all in f16 or not at all"),
        (
            constant || attribute(node, "kernel_shape").is_some(),
            "a convolution by a kernel that is no constant has a kernel_shape",
        ),
    ]
}

/// Whether each input of a convolution has been cast to f16.
fn in_f16(graph: &GraphProto, conv: &NodeProto) -> impl Iterator<Item = bool> {
    (0..conv.input.len()).map(move |at| {
        let maker = made_by(graph, conv, at);
        let to = maker.filter(|node| node.op_type.as_deref() == Some("Cast"));
        to.and_then(|node| attribute(node, "to")?.i) == Some(FLOAT16.into())
    })
}

/// The node that makes the input `at` of `node`.
fn made_by<'a>(graph: &'a GraphProto, node: &NodeProto, at: usize) -> Option<&'a NodeProto> {
    let value = node.input.get(at)?;
    graph.node.iter().find(|node| node.output.contains(value))
}

fn element(value: &ValueInfoProto) -> Option<i32> {
    value.r#type.as_ref()?.tensor_type.as_ref()?.elem_type
}

/// Scales are constants, zero points are zero, and uint8 stays at the graph's edge.
fn quantisation(graph: &GraphProto, node: &NodeProto, name: &str) -> Vec<Option<Offence>> {
    let constant = |at: usize| {
        let input = node.input.get(at).filter(|input| !input.is_empty())?;
        Some(graph.initializer.iter().find(|t| t.name.as_ref() == Some(input)))
    };
    let scale = constant(1).flatten();
    let scale = scale.is_none().then(|| Offence::always(name, "a scale is a constant"));
    let Some(zero) = constant(2) else {
        // What is left out is 0, and of uint8.
        return vec![scale, at_edge(graph, node, name)];
    };
    let is_zero = zero.is_some_and(|t| {
        let raw = t.raw_data.as_deref().unwrap_or_default();
        raw.iter().all(|b| *b == 0)
            && t.int32_data.iter().all(|v| *v == 0)
            && t.data_location != Some(EXTERNAL)
    });
    let offence = (!is_zero).then(|| Offence::always(name, "a zero point is the constant 0"));
    let uint8 = zero.is_some_and(|t| t.data_type == Some(UINT8));
    vec![scale, offence, uint8.then(|| at_edge(graph, node, name)).flatten()]
}

/// The uint8 side of a node must enter or leave the graph there.
fn at_edge(graph: &GraphProto, node: &NodeProto, name: &str) -> Option<Offence> {
    let (values, side) = match node.op_type.as_deref() {
        Some("QuantizeLinear") => (&graph.output, node.output.first()),
        _ => (&graph.input, node.input.first()),
    };
    let edge = values.iter().any(|value| value.name.as_ref() == side);
    let since = TensorRt(10, 0);
    Some(if edge {
        Offence::before(since, name, "uint8")
    } else {
        Offence::always(name, "uint8 stays at the edge of the graph")
    })
}

fn rank(graph: &GraphProto, value: &str) -> Option<usize> {
    let known = graph.input.iter().chain(&graph.value_info);
    let value = known.into_iter().find(|v| v.name.as_deref() == Some(value))?;
    Some(value.r#type.as_ref()?.tensor_type.as_ref()?.shape.as_ref()?.dim.len())
}

fn initializer(tensor: &TensorProto) -> Vec<Offence> {
    let name = tensor.name.clone().unwrap_or_default();
    let mut found = Vec::from_iter(element_type(&name, tensor.data_type));
    if tensor.data_location == Some(EXTERNAL) {
        let location = tensor.external_data.iter().find(|e| e.key.as_deref() == Some("location"));
        let location = location.and_then(|e| e.value.as_deref()).unwrap_or_default();
        if location.is_empty() || location.contains(['/', '\\', ':']) || location.contains("..") {
            found.push(Offence::always(name, "a location is a name, not a path"));
        }
        return found;
    }
    let bytes = tensor.raw_data.as_ref().map(Vec::len).or_else(|| {
        (!tensor.int32_data.is_empty()).then(|| tensor.int32_data.len() * size_of::<i32>())
    });
    let zeros = tensor.raw_data.as_ref().is_some_and(|raw| raw.iter().all(|byte| *byte == 0));
    if bytes.is_none_or(|bytes| bytes > CONSTANT_BYTES && !zeros) {
        let rule = format!("a constant has at most {CONSTANT_BYTES} bytes; weights are external");
        found.push(Offence::always(name, rule));
    }
    found
}

/// Whether every TensorRT takes the type; where uint8 may be is a rule of its own.
fn element_type(name: &str, number: Option<i32>) -> Option<Offence> {
    let number = number.unwrap_or(0);
    match TYPES.iter().find(|(known, ..)| *known == number) {
        Some((_, _, since)) if *since <= TensorRt(8, 5) => None,
        Some((_, what, since)) => Some(Offence::before(*since, name, what)),
        None => Some(Offence::always(name, format!("no TensorRT takes element type {number}"))),
    }
}

/// Inputs, outputs and what is known of the values between them.
fn values(graph: &GraphProto) -> Vec<Offence> {
    // Inputs and outputs: tensors whose sizes are known or named.
    let edges = graph.input.iter().chain(&graph.output).flat_map(|value| {
        let name = value.name.clone().unwrap_or_default();
        let Some(tensor) = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) else {
            return vec![Offence::always(name, "an input or output is a tensor")];
        };
        let sized = |dim: &super::onnx::DimensionProto| match (&dim.dim_value, &dim.dim_param) {
            (Some(size), _) => *size > 0,
            (None, name) => name.as_ref().is_some_and(|name| !name.is_empty()),
        };
        let shape = tensor.shape.as_ref();
        let mut found = Vec::from_iter(element_type(&name, tensor.elem_type));
        if !shape.is_some_and(|shape| shape.dim.iter().all(sized)) {
            found.push(Offence::always(name, "a dimension is a number or the name of one"));
        }
        found
    });
    // Between them bytes would be a graph quantised in another way.
    let between = graph.value_info.iter().filter_map(|value: &ValueInfoProto| {
        let name = value.name.as_deref().unwrap_or_default();
        let number = element(value);
        match number {
            Some(UINT8) => Some(Offence::always(name, "uint8 stays at the edge of the graph")),
            number => element_type(name, number),
        }
    });
    edges.chain(between).collect()
}
