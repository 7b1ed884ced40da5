//! `runtime/FORMAT.md` says what the code does: its tables of profiles are those of the templates, and its example of
//! an index has the bytes of the stream it names.

use std::path::PathBuf;

use iev_exporter::lower::onnx::{GraphProto, NodeProto};
use iev_exporter::lower::{TemplateCut, lower};
use iev_runtime::network::templates::Templates;
use iev_runtime::profile::{GridSpec, LayerSpec, PROFILES, Profile, Sharing};

const FORMAT: &str = "runtime/FORMAT.md";
/// What stands around the tables of profiles.
const TABLES: [&str; 2] =
    ["<!-- profiles: written by tests/format_text.rs -->\n", "<!-- end of profiles -->"];

fn read(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn format_text() -> String {
    String::from_utf8(read(FORMAT)).unwrap()
}

/// What stands in `text` between two marks.
fn between<'a>(text: &'a str, [begin, end]: [&str; 2]) -> &'a str {
    let (_, behind) = text.split_once(begin).unwrap_or_else(|| panic!("{FORMAT} has {begin:?}"));
    behind.split_once(end).unwrap_or_else(|| panic!("{FORMAT} has {end:?}")).0
}

#[test]
fn tables_of_profiles_are_those_of_the_templates() {
    let made: String = PROFILES.iter().map(tables).collect();
    let text = format_text();
    let written = between(&text, TABLES);
    assert!(written == made, "put this into {FORMAT} instead:\n{made}");
}

/// Template, layers and grids of a profile.
fn tables(profile: &Profile) -> String {
    let template = Templates::of(profile.name).unwrap().sha256();
    let digest = hex::encode(template);
    let model = lower(profile, TemplateCut::Full).model;
    let wiring = Wiring(model.graph.as_ref().unwrap());
    let layers = profile.layers();
    let layers = layers.iter().enumerate().map(|(number, layer)| wiring.row(number, layer));
    let layers: String = layers.collect();
    let grids: String = profile.grids.iter().map(grid_row).collect();
    format!(
        "**Profile `{}`**, template `{digest}`:\n\n\
         | l | layer | inputs | channels | then | output | px | output steps |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- |\n\
         {layers}\n\
         | grid | section | px | channels | first | entries |\n\
         | --- | --- | --- | --- | --- | --- |\n\
         {grids}\n",
        profile.name
    )
}

fn grid_row(grid: &GridSpec) -> String {
    let GridSpec { name, scale, first, channels, sharing } = grid;
    let section = if grid.in_scene() { "scene" } else { "GOP" };
    let entries = match sharing {
        Sharing::View => "of the view".to_owned(),
        Sharing::Temporal { period } => format!("over time, period {period}"),
    };
    format!("| {name} | {section} | {scale} | {channels} | {first} | {entries} |\n")
}

/// A template, for what is wired to what.
struct Wiring<'a>(&'a GraphProto);

impl<'a> Wiring<'a> {
    fn row(&self, number: usize, layer: &LayerSpec) -> String {
        let LayerSpec { id: name, inputs, outputs, scale, output_steps } = layer;
        let weight = format!("{name}.weight");
        let conv = self.0.node.iter().find(|node| node.input.contains(&weight));
        let conv = conv.unwrap_or_else(|| panic!("the template has {weight}"));
        let (then, output) = self.after(conv);
        let read = self.parts(&conv.input[0]).join(", ");
        format!(
            "| {number} | {name} | {read} | {inputs} → {outputs} | {then} | {output} | {scale} | {output_steps} |\n"
        )
    }

    /// Tensors of which `value` is the concatenation, or itself.
    fn parts(&self, value: &'a String) -> Vec<&'a str> {
        let made_by = self.0.node.iter().find(|node| node.output.contains(value));
        match made_by {
            Some(node) if operator(node) == "Concat" => {
                node.input.iter().map(String::as_str).collect()
            }
            _ => vec![value],
        }
    }

    /// Operators between a convolution and the next ones, and the name of what they make.
    fn after(&self, conv: &'a NodeProto) -> (String, &'a str) {
        let mut then = Vec::new();
        let mut output = &conv.output[0];
        loop {
            let mut readers = self.0.node.iter().filter(|node| node.input.contains(output));
            let (Some(node), None) = (readers.next(), readers.next()) else { break };
            match operator(node) {
                "Relu" => then.push("ReLU".to_owned()),
                "DepthToSpace" => then.push("depth to space".to_owned()),
                "Add" => {
                    let other = node.input.iter().find(|input| *input != output).unwrap();
                    then.push(format!("+ {other}"));
                }
                _ => break,
            }
            output = &node.output[0];
        }
        (if then.is_empty() { "–".to_owned() } else { then.join(", ") }, output)
    }
}

fn operator(node: &NodeProto) -> &str {
    node.op_type.as_deref().unwrap_or_default()
}

#[test]
fn the_example_of_an_index_has_the_bytes_of_its_stream() {
    let text = format_text();
    let behind = between(&text, ["**Example.** The index of `", "## §5"]);
    let (stream, behind) = behind.split_once('`').unwrap();
    let stream = read(stream);
    let dump = between(behind, ["```text\n", "```"]);
    let mut next = 0;
    for line in dump.lines() {
        let (at, line) = line.split_once("  ").unwrap();
        assert_eq!(usize::from_str_radix(at, 16).unwrap(), next, "no byte is left out: {line}");
        let bytes = line.split("  ").next().unwrap().split(' ');
        for byte in bytes {
            assert_eq!(byte, format!("{:02x}", stream[next]), "byte {next}: {line}");
            next += 1;
        }
    }
    let header_bytes = usize::from(u16::from_le_bytes([stream[10], stream[11]]));
    let sections = stream[12] as usize;
    assert!(next > 28 + header_bytes + 28 * sections, "the whole index is there");
}
