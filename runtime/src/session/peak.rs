//! How fast ONNX Runtime multiplies matrices here: the yardstick of a network's speed.

use std::time::Instant;

use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::session::Session;
use ort::value::{Outlet, Shape, SymbolicDimensions, Tensor, TensorElementType, ValueType};

use super::OrtRuntime;
use crate::error::{Error, Result};

/// Rows and columns of the matrices: large enough to reach the peak, small enough for a cache.
const SIDE: usize = 768;
/// Products timed; the median counts.
const RUNS: usize = 15;

/// Giga multiply–accumulates per second of a product of f32 matrices on the CPU with `threads`
/// threads, 0 for ONNX Runtime's choice: options as those of the networks.
///
/// # Errors
/// [`Error::Backend`] when ONNX Runtime fails.
pub fn gemm_gmac_per_s(ort: &OrtRuntime, threads: usize) -> Result<f64> {
    let failed = |e: ort::Error| Error::Backend { what: format!("matrix product: {e}") };
    let median_s = measure(ort, threads).map_err(failed)?;
    Ok((SIDE * SIDE * SIDE) as f64 / median_s / 1e9)
}

fn measure(ort: &OrtRuntime, threads: usize) -> ort::Result<f64> {
    let matrix = |name: &str| {
        let shape = Shape::new([SIDE as i64; 2]);
        let dimension_symbols = SymbolicDimensions::empty(2);
        let ty = TensorElementType::Float32;
        Outlet::new(name, ValueType::Tensor { ty, shape, dimension_symbols })
    };
    let mut graph = Graph::new()?;
    graph.set_inputs([matrix("a"), matrix("b")])?;
    graph.set_outputs([matrix("c")])?;
    graph.add_node(Node::new("MatMul", ONNX_DOMAIN, "product", ["a", "b"], ["c"], [])?)?;
    let mut model = Model::new([Opset::new(ONNX_DOMAIN, 17)?])?;
    model.set_graph(graph)?;
    let builder = Session::builder(ort.environment())?
        .with_intra_threads(threads)?
        .with_intra_op_spinning(false)?;
    let mut session = model.into_session(&builder)?;
    let values = || Tensor::from_array(([SIDE; 2], vec![0.5f32; SIDE * SIDE]));
    let (a, b) = (values()?, values()?);
    let mut seconds = [0.0; RUNS];
    for seconds in &mut seconds {
        let started = Instant::now();
        session.run(ort::inputs!["a" => &a, "b" => &b])?;
        *seconds = started.elapsed().as_secs_f64();
    }
    seconds.sort_unstable_by(f64::total_cmp);
    Ok(seconds[RUNS / 2])
}
