//! Writes ONNX graphs node by node.

use super::onnx::{
    AttributeProto, DimensionProto, EXTERNAL, FLOAT, GraphProto, INT8, INT64, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, UINT8, ValueInfoProto, attribute_type,
};

/// Operator set: the newest that TensorRT 8.5 reads whole.
pub const OPSET: i64 = 17;
/// File format version that came with opset 17.
pub const IR_VERSION: i64 = 8;

/// Name of a value in the graph.
pub type Value = String;

/// One dimension of an input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// The same for every stream.
    Fixed(usize),
    /// Fixed at session creation by a free-dimension override.
    Named(&'static str),
}

/// An input or output as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Name.
    pub name: String,
    /// Shape.
    pub shape: Vec<Dim>,
    /// `TensorProto.DataType` of its elements.
    pub element: i32,
}

/// A graph under construction.
#[derive(Debug, Default)]
pub struct Builder {
    graph: GraphProto,
    /// Inputs so far.
    pub inputs: Vec<Port>,
    /// Outputs so far.
    pub outputs: Vec<Port>,
}

/// An integer attribute.
pub fn int(name: &str, value: i64) -> AttributeProto {
    let r#type = Some(attribute_type::INT);
    AttributeProto { name: Some(name.into()), i: Some(value), r#type, ..Default::default() }
}

/// A list-of-integers attribute.
pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let r#type = Some(attribute_type::INTS);
    AttributeProto { name: Some(name.into()), ints: values.into(), r#type, ..Default::default() }
}

/// A string attribute.
pub fn string(name: &str, value: &str) -> AttributeProto {
    let r#type = Some(attribute_type::STRING);
    AttributeProto { name: Some(name.into()), s: Some(value.into()), r#type, ..Default::default() }
}

fn port_proto(port: &Port) -> ValueInfoProto {
    let dim = |dim: &Dim| match dim {
        Dim::Fixed(size) => DimensionProto { dim_value: Some(*size as i64), dim_param: None },
        Dim::Named(name) => DimensionProto { dim_value: None, dim_param: Some((*name).into()) },
    };
    let shape = TensorShapeProto { dim: port.shape.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: Some(port.element), shape: Some(shape) };
    let r#type = Some(TypeProto { tensor_type: Some(tensor_type) });
    ValueInfoProto { name: Some(port.name.clone()), r#type }
}

impl Builder {
    /// An f32 input.
    pub fn input(&mut self, name: &str, shape: &[Dim]) -> Value {
        self.input_of(FLOAT, name, shape)
    }

    /// An input of the element type `element`.
    pub fn input_of(&mut self, element: i32, name: &str, shape: &[Dim]) -> Value {
        let port = Port { name: name.into(), shape: shape.into(), element };
        self.graph.input.push(port_proto(&port));
        self.inputs.push(port);
        name.into()
    }

    /// Makes the value `name` an f32 output.
    pub fn output(&mut self, name: &str, shape: &[Dim]) {
        self.output_of(FLOAT, name, shape);
    }

    /// Makes the value `name` an output of the element type `element`.
    pub fn output_of(&mut self, element: i32, name: &str, shape: &[Dim]) {
        let port = Port { name: name.into(), shape: shape.into(), element };
        self.graph.output.push(port_proto(&port));
        self.outputs.push(port);
    }

    /// An f32 initializer that the runtime fills from the stream.
    pub fn external(&mut self, name: &str, shape: &[usize]) -> Value {
        self.external_of(FLOAT, name, shape)
    }

    /// An initializer of the element type `element` that the runtime fills from the stream; one name is one.
    pub fn external_of(&mut self, element: i32, name: &str, shape: &[usize]) -> Value {
        if self.has(name) {
            return name.into();
        }
        // The location is never opened; ONNX Runtime only wants one to be there.
        let location = StringStringEntryProto {
            key: Some("location".into()),
            value: Some("filled-by-iev-runtime".into()),
        };
        self.graph.initializer.push(TensorProto {
            dims: shape.iter().map(|d| *d as i64).collect(),
            data_type: Some(element),
            name: Some(name.into()),
            external_data: vec![location],
            data_location: Some(EXTERNAL),
            ..Default::default()
        });
        name.into()
    }

    /// A short list of integers, such as a shape or the bounds of a slice; equal lists are shared.
    pub fn constant_ints(&mut self, values: &[i64]) -> Value {
        let words: Vec<String> = values.iter().map(i64::to_string).collect();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = vec![values.len() as i64];
        self.constant(format!("ints_{}", words.join("_")), INT64, shape, bytes)
    }

    /// A short list of f32.
    pub fn constant_floats(&mut self, values: &[f32]) -> Value {
        let words: Vec<String> = values.iter().map(f32::to_string).collect();
        self.constant_tensor(&format!("floats_{}", words.join("_")), &[values.len()], values)
    }

    /// A small tensor of f32.
    pub fn constant_tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) -> Value {
        let shape = shape.iter().map(|d| *d as i64).collect();
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name.into(), FLOAT, shape, bytes)
    }

    /// One f32, as a scalar.
    pub fn scalar(&mut self, value: f32) -> Value {
        self.constant(format!("float_{value}"), FLOAT, Vec::new(), value.to_le_bytes().into())
    }

    /// One u8, as a scalar.
    pub fn scalar_u8(&mut self, value: u8) -> Value {
        self.constant(format!("byte_{value}"), UINT8, Vec::new(), vec![value])
    }

    /// As many zeros in i8, or one as a scalar.
    pub fn zeros_i8(&mut self, count: Option<usize>) -> Value {
        let (name, shape) = match count {
            Some(count) => (format!("zeros_{count}"), vec![count as i64]),
            None => ("zero_i8".into(), Vec::new()),
        };
        self.constant(name, INT8, shape, vec![0; count.unwrap_or(1)])
    }

    fn constant(&mut self, name: Value, data_type: i32, dims: Vec<i64>, bytes: Vec<u8>) -> Value {
        if !self.has(&name) {
            self.graph.initializer.push(TensorProto {
                dims,
                data_type: Some(data_type),
                name: Some(name.clone()),
                raw_data: Some(bytes),
                ..Default::default()
            });
        }
        name
    }

    fn has(&self, initializer: &str) -> bool {
        self.graph.initializer.iter().any(|t| t.name.as_deref() == Some(initializer))
    }

    /// A node with one output, which has the node's name.
    pub fn node(
        &mut self,
        op: &str,
        name: impl Into<String>,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let name = name.into();
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|i| (*i).into()).collect(),
            output: vec![name.clone()],
            name: Some(name.clone()),
            op_type: Some(op.into()),
            attribute: attributes,
            domain: None,
        });
        name
    }

    /// Elements `first..last` of `axis`.
    pub fn slice(
        &mut self,
        name: impl Into<String>,
        value: &str,
        axis: i64,
        bounds: core::ops::Range<usize>,
    ) -> Value {
        let start = self.constant_ints(&[bounds.start as i64]);
        let end = self.constant_ints(&[bounds.end as i64]);
        let axis = self.constant_ints(&[axis]);
        self.node("Slice", name, &[value, &start, &end, &axis], Vec::new())
    }

    /// Concatenation along channels.
    pub fn concat(&mut self, name: impl Into<String>, values: &[&str]) -> Value {
        self.node("Concat", name, values, vec![int("axis", 1)])
    }

    /// Values of another element type.
    pub fn cast(&mut self, name: impl Into<String>, value: &str, element: i32) -> Value {
        self.node("Cast", name, &[value], vec![int("to", element.into())])
    }

    /// Reshape; 0 copies the input's dimension, −1 is what remains.
    pub fn reshape(&mut self, name: impl Into<String>, value: &str, shape: &[i64]) -> Value {
        let shape = self.constant_ints(shape);
        self.node("Reshape", name, &[value, &shape], Vec::new())
    }

    /// Permutes dimensions.
    pub fn transpose(&mut self, name: impl Into<String>, value: &str, order: &[i64]) -> Value {
        self.node("Transpose", name, &[value], vec![ints("perm", order)])
    }

    /// The finished model.
    pub fn finish(mut self, name: &str) -> ModelProto {
        self.graph.name = Some(name.into());
        ModelProto {
            ir_version: Some(IR_VERSION),
            producer_name: Some("iev-export".into()),
            graph: Some(self.graph),
            opset_import: vec![OperatorSetIdProto {
                domain: Some(String::new()),
                version: Some(OPSET),
            }],
            ..Default::default()
        }
    }
}
