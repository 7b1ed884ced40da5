//! Refuses templates that some execution provider could not run, or that carry what only a stream
//! may carry.

use super::onnx::{EXTERNAL, GraphProto, ModelProto};

/// Operators that every provider we name runs: CPU, CUDA, and TensorRT from 8.5 on.
///
/// Why Reshape, Squeeze and Transpose: GridSample wants its grid channels-last and ONNX has no
/// portable SpaceToDepth; TensorRT folds all three into copies. Why Sub: it spares a constant.
pub const PORTABLE: [&str; 17] = [
    "Add",
    "Clip",
    "Concat",
    "Conv",
    "DepthToSpace",
    "DequantizeLinear",
    "GridSample",
    "Mul",
    "QuantizeLinear",
    "Relu",
    "Reshape",
    "Resize",
    "Sigmoid",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
];

/// Bytes of the largest constant a template may hold: shapes and bounds, never weights.
const CONSTANT_BYTES: usize = 64;

/// One thing a template must not contain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {rule}")]
pub struct Offence {
    /// Name of the node or initializer.
    pub node: String,
    /// The rule it breaks.
    pub rule: String,
}

/// Everything in `model` that breaks a rule.
pub fn lint(model: &ModelProto) -> Vec<Offence> {
    let Some(graph) = &model.graph else {
        return vec![Offence { node: "model".into(), rule: "a model has a graph".into() }];
    };
    operators(graph).chain(initializers(graph)).collect()
}

fn operators(graph: &GraphProto) -> impl Iterator<Item = Offence> + '_ {
    graph.node.iter().flat_map(|node| {
        let op = node.op_type.as_deref().unwrap_or_default();
        let attribute = |name: &str| {
            node.attribute
                .iter()
                .find(|a| a.name.as_deref() == Some(name))
                .and_then(|a| a.s.clone())
        };
        let mut broken = Vec::new();
        if !PORTABLE.contains(&op) || node.domain.as_deref().is_some_and(|d| !d.is_empty()) {
            broken.push(format!("operator {op:?} is not in the portable set"));
        }
        if op == "DepthToSpace" && attribute("mode").as_deref() != Some(b"CRD") {
            broken.push("DepthToSpace is in CRD order".into());
        }
        if op == "Resize" && attribute("mode").as_deref() != Some(b"linear") {
            broken.push("Resize is linear".into());
        }
        let node = node.name.clone().unwrap_or_default();
        broken.into_iter().map(move |rule| Offence { node: node.clone(), rule })
    })
}

fn initializers(graph: &GraphProto) -> impl Iterator<Item = Offence> + '_ {
    let inline = graph.initializer.iter().filter(|t| t.data_location != Some(EXTERNAL));
    inline.filter(|t| t.raw_data.as_ref().is_none_or(|d| d.len() > CONSTANT_BYTES)).map(|t| {
        Offence {
            node: t.name.clone().unwrap_or_default(),
            rule: format!("a constant has at most {CONSTANT_BYTES} bytes; weights are external"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::builder::{Builder, string};
    use super::*;

    #[test]
    fn a_planted_offence_is_found() {
        let mut b = Builder::default();
        let constant = b.constant_floats(&[0.5; 17]);
        b.node("Gelu", "gelu", &["x"], Vec::new());
        b.node("DepthToSpace", "shuffle", &["gelu"], vec![string("mode", "DCR")]);
        b.node("Resize", "up", &["shuffle", "", &constant], vec![string("mode", "cubic")]);
        let offences = lint(&b.finish("planted"));
        let nodes: Vec<&str> = offences.iter().map(|o| o.node.as_str()).collect();
        assert_eq!(nodes, ["gelu", "shuffle", "up", constant.as_str()]);
    }
}
