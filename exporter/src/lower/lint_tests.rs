//! Every offence of a graph, planted and found.

use super::builder::{Builder, Dim, int, ints, string};
use super::jetpack::JETPACKS;
use super::lint::lint;
use super::onnx::{
    AttributeProto, FLOAT, FLOAT16, GraphProto, INT8, ModelProto, TensorProto, TensorShapeProto,
    UINT8,
};

/// A graph of one `op` over a 4-D input.
fn one(op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> Builder {
    let mut b = Builder::default();
    b.input("x", &[Dim::Named("n"), Dim::Fixed(4), Dim::Named("h"), Dim::Named("w")]);
    b.node(op, "planted", inputs, attributes);
    b.output("planted", &[Dim::Named("n"), Dim::Fixed(4), Dim::Named("h"), Dim::Named("w")]);
    b
}

/// `x`'s model with a change.
fn changed(change: impl FnOnce(&mut ModelProto, &mut GraphProto)) -> ModelProto {
    let mut model = one("Relu", &["x"], Vec::new()).finish("planted");
    let mut graph = model.graph.take().unwrap();
    change(&mut model, &mut graph);
    model.graph = Some(graph);
    model
}

/// A quantiser of `x` with this zero point.
fn quantiser(data_type: i32, value: u8, at_the_edge: bool) -> ModelProto {
    let mut b = one("QuantizeLinear", &["x", "scale", "zero"], Vec::new());
    b.external("scale", &[1]);
    let mut model = b.finish("planted");
    let graph = model.graph.as_mut().unwrap();
    if !at_the_edge {
        graph.output.clear();
    }
    graph.initializer.push(TensorProto {
        name: Some("zero".into()),
        data_type: Some(data_type),
        raw_data: Some(vec![value]),
        ..Default::default()
    });
    model
}

/// A cast of `x` to a type, whose output leaves the graph as another, or not at all.
fn cast(to: i32, leaves_as: i32, at_the_edge: bool) -> ModelProto {
    let mut b = Builder::default();
    let shape = [Dim::Named("n"), Dim::Fixed(4), Dim::Named("h"), Dim::Named("w")];
    b.input("x", &shape);
    b.cast("planted", "x", to);
    if at_the_edge {
        b.output_of(leaves_as, "planted", &shape);
    }
    b.finish("planted")
}

/// A convolution of `x` by weights that are given, of which some inputs are cast to f16 and some outputs back.
fn convolution(halves: usize, back: usize, sized: bool) -> ModelProto {
    let mut b = Builder::default();
    b.input("x", &[Dim::Named("n"), Dim::Fixed(4), Dim::Named("h"), Dim::Named("w")]);
    b.input("weight", &[Dim::Fixed(4), Dim::Fixed(4), Dim::Fixed(3), Dim::Fixed(3)]);
    b.input("bias", &[Dim::Fixed(4)]);
    let mut inputs = ["x", "weight", "bias"].map(str::to_owned);
    for input in inputs.iter_mut().take(halves) {
        *input = b.cast(format!("{input}.f16"), input, FLOAT16);
    }
    let size = sized.then(|| ints("kernel_shape", &[3, 3]));
    let inputs = inputs.each_ref().map(String::as_str);
    b.node("Conv", "conv", &inputs, size.into_iter().collect());
    if back > 0 {
        b.cast("planted", "conv", FLOAT);
    }
    b.finish("planted")
}

#[test]
fn casts_around_a_convolution_pass() {
    assert_eq!(lint(&convolution(3, 1, true)), []);
    assert_eq!(lint(&convolution(0, 0, true)), []);
}

#[test]
fn each_planted_offence_is_found_and_judged_per_jetpack() {
    let every = ["5.1", "6.0", "6.1", "6.2", "7.1", "7.2"];
    let old = &every[..2];
    let shape = |graph: &mut GraphProto, change: fn(&mut TensorShapeProto)| {
        let tensor = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
        change(tensor.shape.as_mut().unwrap());
    };
    let typed = |number: i32| {
        changed(|_, graph| {
            let tensor = graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap();
            tensor.elem_type = Some(number);
        })
    };
    let opset = |version| changed(|m, _| m.opset_import[0].version = Some(version));
    let resize = |attributes| one("Resize", &["x"], attributes).finish("planted");
    let cases: Vec<(&str, ModelProto, &[&str])> = vec![
        ("\"Gelu\" is not", one("Gelu", &["x"], vec![]).finish("p"), &every),
        ("\"QLinearConv\" is not", one("QLinearConv", &["x"], vec![]).finish("p"), &every),
        ("\"If\" is not", one("If", &["x"], vec![]).finish("p"), &every),
        (
            "\"LayerNormalization\" is not",
            one("LayerNormalization", &["x"], vec![]).finish("p"),
            &every[..1],
        ),
        (
            "\"Relu\" is not",
            changed(|_, g| g.node[0].domain = Some("com.microsoft".into())),
            &every,
        ),
        ("CRD order", one("DepthToSpace", &["x"], vec![string("mode", "DCR")]).finish("p"), &every),
        ("linear or nearest", resize(vec![string("mode", "cubic")]), &every),
        ("does not filter", resize(vec![int("antialias", 1)]), &every),
        (
            "does not crop",
            resize(vec![string("coordinate_transformation_mode", "tf_crop_and_resize")]),
            &every,
        ),
        (
            "four dimensions",
            changed(|_, g| {
                g.node[0].op_type = Some("GridSample".into());
                shape(g, |s| s.dim.push(s.dim[0].clone()));
            }),
            &every,
        ),
        ("opset 20 needs", opset(20), old),
        ("opset 22 needs", opset(22), &every[..4]),
        ("opset 99 is newer", opset(99), &every),
        ("element type 11", typed(11), &every),
        ("bf16 needs", typed(16), old),
        ("uint8 needs", typed(UINT8), old),
        ("number or the name", changed(|_, g| shape(g, |s| s.dim[0].dim_param = None)), &every),
        ("no operators of its own", changed(|m, _| m.functions.push(Vec::new())), &every),
        ("dense", changed(|_, g| g.sparse_initializer.push(Vec::new())), &every),
        ("constant 0", quantiser(INT8, 3, true), &every),
        ("uint8 needs TensorRT 10.0", quantiser(UINT8, 0, true), old),
        ("uint8 stays", quantiser(UINT8, 0, false), &every),
        ("uint8 needs TensorRT 10.0", cast(UINT8, UINT8, true), old),
        ("is of uint8 at the edge", cast(UINT8, UINT8, false), &every),
        ("is of uint8 at the edge", cast(FLOAT, UINT8, true), &every),
        ("a cast is between", cast(INT8, UINT8, true), &every),
        ("a cast to f32", cast(FLOAT, FLOAT, true), &every),
        ("all in f16 or not at all", convolution(1, 1, true), &every),
        ("has a kernel_shape", convolution(0, 0, false), &every),
        ("is a constant", one("QuantizeLinear", &["x", "computed"], vec![]).finish("p"), &every),
        (
            "not a path",
            changed(|_, g| {
                let mut b = Builder::default();
                b.external("weights", &[1]);
                let mut tensor = b.finish("w").graph.unwrap().initializer.remove(0);
                tensor.external_data[0].value = Some("../../etc/passwd".into());
                g.initializer.push(tensor);
            }),
            &every,
        ),
        (
            "weights are external",
            changed(|_, g| {
                let mut b = Builder::default();
                b.constant_floats(&[0.5; 17]);
                g.initializer = b.finish("w").graph.unwrap().initializer;
            }),
            &every,
        ),
    ];
    for (said, model, refusing) in cases {
        let offences = lint(&model);
        let found = offences.iter().find(|o| o.to_string().contains(said));
        let found = found.unwrap_or_else(|| panic!("{said:?} is not among {offences:?}"));
        let on = JETPACKS.iter().filter(|jetpack| found.on(jetpack)).map(|j| j.name);
        assert_eq!(on.collect::<Vec<_>>(), refusing, "{found}");
    }
}

#[test]
fn a_quantiser_that_tensorrt_likes_passes() {
    assert_eq!(lint(&quantiser(INT8, 0, false)), []);
    // As many zeros as a layer has outputs are no weights.
    let mut per_output = quantiser(INT8, 0, false);
    let zero = per_output.graph.as_mut().unwrap().initializer.last_mut().unwrap();
    (zero.dims, zero.raw_data) = (vec![80], Some(vec![0; 80]));
    assert_eq!(lint(&per_output), []);
}

#[test]
fn boards_name_only_jetpacks_that_graphs_are_judged_for() {
    let page = include_str!("../../../boards/README.md");
    let texts = iev_runtime::board::BUILT_IN.map(|(_, text)| text);
    let mut named = Vec::new();
    for text in texts.into_iter().chain([page]) {
        for after in text.split("JetPack ").skip(1) {
            let list = after.split(|c: char| !(c.is_ascii_digit() || ". ,".contains(c))).next();
            let names = list.unwrap().split(',').map(|name| name.trim().trim_end_matches('.'));
            named.extend(names.filter(|name| name.contains('.')));
        }
    }
    assert!(named.len() > 5, "{named:?}");
    for name in named {
        assert!(JETPACKS.iter().any(|jetpack| jetpack.name == name), "JetPack {name}");
    }
}
