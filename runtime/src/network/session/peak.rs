//! How fast ONNX Runtime multiplies matrices here: the yardstick of a network's speed.

use std::fmt::Debug;
use std::time::Instant;

use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::session::Session;
use ort::value::{
    DynValue, Outlet, PrimitiveTensorElementType, Shape, SymbolicDimensions, Tensor,
    TensorElementType, ValueType,
};

use super::OrtRuntime;
use crate::error::{Error, Result};

/// Rows and columns of the matrices: large enough to reach the peak, small enough for a cache.
const SIDE: usize = 768;
/// Products timed; the median counts.
const RUNS: usize = 15;

/// What a product is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factors {
    /// f32 matrices.
    Floats,
    /// A matrix of u8 and one of i8; sums are i32.
    Bytes,
}

/// Giga multiply–accumulates per second of a product of matrices on the CPU with `threads`
/// threads, 0 for ONNX Runtime's choice: options as those of the networks.
///
/// # Errors
/// [`Error::Backend`] when ONNX Runtime fails.
pub fn gemm_gmac_per_s(ort: &OrtRuntime, threads: usize, factors: Factors) -> Result<f64> {
    let failed = |e: ort::Error| Error::Backend { what: format!("matrix product: {e}") };
    let median_s = measure(ort, threads, factors).map_err(failed)?;
    Ok((SIDE * SIDE * SIDE) as f64 / median_s / 1e9)
}

fn measure(ort: &OrtRuntime, threads: usize, factors: Factors) -> ort::Result<f64> {
    let matrix = |name: &str, ty| {
        let shape = Shape::new([SIDE as i64; 2]);
        let dimension_symbols = SymbolicDimensions::empty(2);
        Outlet::new(name, ValueType::Tensor { ty, shape, dimension_symbols })
    };
    use TensorElementType::{Float32, Int8, Int32, Uint8};
    let (operator, [a, b, c]) = match factors {
        Factors::Floats => ("MatMul", [Float32; 3]),
        Factors::Bytes => ("MatMulInteger", [Uint8, Int8, Int32]),
    };
    // A graph of one product.
    let mut graph = Graph::new()?;
    graph.set_inputs([matrix("a", a), matrix("b", b)])?;
    graph.set_outputs([matrix("c", c)])?;
    graph.add_node(Node::new(operator, ONNX_DOMAIN, "product", ["a", "b"], ["c"], [])?)?;
    let mut model = Model::new([Opset::new(ONNX_DOMAIN, 17)?])?;
    model.set_graph(graph)?;
    let builder = Session::builder(ort.environment())?
        .with_intra_threads(threads)?
        .with_intra_op_spinning(false)?;
    let mut session = model.into_session(&builder)?;
    // Its factors, and how long it takes.
    let (a, b) = match factors {
        Factors::Floats => (filled(0.5f32)?, filled(0.5f32)?),
        Factors::Bytes => (filled(200u8)?, filled(-100i8)?),
    };
    let mut seconds = [0.0; RUNS];
    for seconds in &mut seconds {
        let started = Instant::now();
        session.run(ort::inputs!["a" => &a, "b" => &b])?;
        *seconds = started.elapsed().as_secs_f64();
    }
    seconds.sort_unstable_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}

fn filled<T>(value: T) -> ort::Result<DynValue>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    Ok(Tensor::from_array(([SIDE; 2], vec![value; SIDE * SIDE]))?.into_dyn())
}
