//! One way to paint, and what came of trying it.

use std::fs::File;
use std::process::Command;

use iev_runtime::network::opening::{NetworkPath, Precision};
use iev_runtime::network::providers::Provider;
use serde::Serialize;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::Survey;
use super::likeness::Likeness;

/// Frames whose pictures are compared.
const FRAMES: &str = "8";
/// Most characters of a refusal.
const MOST_WORDS: usize = 400;

/// A provider, and what it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rung {
    pub(super) provider: Provider,
    pub(super) path: NetworkPath,
    pub(super) precision: Precision,
}

const fn rung(provider: Provider, path: NetworkPath, precision: Precision) -> Rung {
    Rung { provider, path, precision }
}

/// All of them; the first is what the others' pictures are compared with.
pub(super) const RUNGS: [Rung; 9] = [
    rung(Provider::Cpu, NetworkPath::Split, Precision::F32),
    rung(Provider::Cpu, NetworkPath::Full, Precision::F32),
    rung(Provider::Cpu, NetworkPath::Split, Precision::Int8),
    rung(Provider::Cuda, NetworkPath::Full, Precision::F32),
    rung(Provider::Cuda, NetworkPath::Split, Precision::F32),
    rung(Provider::TensorRt, NetworkPath::Full, Precision::F32),
    rung(Provider::TensorRt, NetworkPath::Split, Precision::F32),
    rung(Provider::TensorRt, NetworkPath::Full, Precision::Int8),
    rung(Provider::TensorRt, NetworkPath::Full, Precision::F16),
];

/// What came of trying one.
#[derive(Debug, Serialize)]
pub(super) struct Trial {
    #[serde(rename = "name", serialize_with = "by_name")]
    pub(super) rung: Rung,
    /// What `iev prepare` said when it built, and when it found what it had built.
    prepared: Vec<String>,
    /// Why it does not play.
    pub(super) refusal: Option<String>,
    /// What `iev bench` measured.
    pub(super) bench: Option<Value>,
    /// None of the first.
    pub(super) likeness: Option<Likeness>,
}

fn by_name<S: serde::Serializer>(rung: &Rung, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rung.name())
}

impl Rung {
    pub(super) fn name(self) -> String {
        [self.provider.name(), self.path.name(), self.precision.name()].join("-")
    }

    /// Prepares, measures and compares with `reference`, which the first fills.
    pub(super) fn tried(self, survey: &Survey, reference: &mut Option<NamedTempFile>) -> Trial {
        let (prepared, refusal) = (Vec::new(), None);
        let mut trial = Trial { rung: self, prepared, refusal, bench: None, likeness: None };
        trial.refusal = trial.play(survey, reference).err();
        trial
    }

    /// This program, to be started for `command` on the stream, by this way alone.
    fn iev(self, survey: &Survey, command: &str) -> Command {
        // A full graph on the CPU gives way to a split one, unless the CPU is all that is asked for.
        let own = self.provider.name();
        let providers = if self.provider == Provider::Cpu { own } else { &format!("{own},cpu") };
        let mut iev = survey.iev(command);
        iev.arg(&survey.stream).args(survey.machine()).args(["--provider", providers]);
        iev.args(["--require", own, "--path", self.path.name()]);
        iev.args(["--precision", self.precision.name(), "--engines"]);
        iev.arg(survey.output.join("engines"));
        iev
    }
}

impl Trial {
    fn play(
        &mut self,
        survey: &Survey,
        reference: &mut Option<NamedTempFile>,
    ) -> Result<(), String> {
        let rung = self.rung;
        // Engines are built, and found ready.
        for _ in 0..2 {
            let said = finished(&mut rung.iev(survey, "prepare"))?;
            self.prepared.extend(String::from_utf8_lossy(&said).lines().map(str::to_owned));
        }
        let seconds = survey.seconds.to_string();
        let bench = ["--seconds", &seconds, "--json", "-"];
        let bench = finished(rung.iev(survey, "bench").args(bench))?;
        self.bench = Some(serde_json::from_slice(&bench).map_err(|e| format!("iev bench: {e}"))?);
        // Pictures of the first frames.
        let pictures = NamedTempFile::new_in(&survey.output).map_err(|e| e.to_string())?;
        let file = pictures.reopen().map_err(|e| e.to_string())?;
        let decode = ["--limit", FRAMES, "--muxer", "yuv", "--output", "-"];
        finished(rung.iev(survey, "decode").args(decode).stdout(file))?;
        match reference {
            _ if rung == RUNGS[0] => *reference = Some(pictures),
            None => {}
            Some(reference) => {
                let files = [reference.path(), pictures.path()].map(File::open);
                let [Ok(want), Ok(got)] = files else { return Err("its pictures are gone".into()) };
                self.likeness = Some(Likeness::between(want, got).map_err(|e| e.to_string())?);
            }
        }
        Ok(())
    }

    /// What was prepared, or why not, indented.
    pub(super) fn in_words(&self) -> String {
        let refusal = self.refusal.iter().map(|reason| format!("refused: {reason}"));
        let lines = self.prepared.iter().cloned().chain(refusal);
        lines.map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }
}

/// What a program printed to standard output, or its last words.
fn finished(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|e| e.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let last = words.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let last: String = last.trim_start_matches("iev: error: ").chars().take(MOST_WORDS).collect();
    // Without a code a signal has ended it, and its last words may be of before.
    match output.status.code() {
        Some(_) if !last.is_empty() => Err(last),
        _ => Err(format!("{} {last}", output.status).trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_tried_once_and_what_the_others_are_compared_with_first() {
        let names = RUNGS.map(Rung::name);
        assert_eq!(names[0], "cpu-split-f32");
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        for provider in Provider::LADDER {
            for path in [NetworkPath::Split, NetworkPath::Full] {
                let tried = rung(provider, path, Precision::F32);
                assert!(RUNGS.contains(&tried), "{}", tried.name());
            }
        }
    }

    #[test]
    fn last_words_are_a_programs_reason_and_a_signal_is_named() {
        let sh = |script: &str| finished(Command::new("sh").args(["-c", script]));
        assert_eq!(sh("echo yes"), Ok(b"yes\n".to_vec()));
        assert_eq!(
            sh("echo 'iev: error: no device' >&2; echo >&2; exit 3"),
            Err("no device".into())
        );
        assert!(sh("exit 3").unwrap_err().contains("exit status: 3"));
        let killed = sh("echo loading >&2; kill -9 $$").unwrap_err();
        assert!(killed.contains("signal: 9") && killed.ends_with("loading"), "{killed}");
    }
}
