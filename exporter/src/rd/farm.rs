//! Many curves on a cluster: a file of jobs, each a curve, of which an engine that is there runs one per element of
//! an array job.
//!
//! Nothing here schedules: an element that is asked to stop keeps what it has and is queued again, and the same
//! command goes on from there.

use std::fmt::Write;
use std::path::Path;

use iev_runtime::text_file::{parse_toml, read_text};
use serde::Deserialize;

use super::config::{Config, MOST_BYTES, check_name};
use crate::error::{Context, Error, Result, bail, ensure};

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    slurm: toml::Table,
    jobs: Vec<toml::Table>,
}

/// Jobs, in the order of their indices.
#[derive(Debug, Clone, PartialEq)]
pub struct Farm {
    /// Name of the array job, and of the files that are written for all jobs together.
    pub name: String,
    /// What to measure, one element each.
    pub jobs: Vec<Config>,
    /// Further options of `sbatch`; those without a value are empty.
    pub slurm: Vec<(String, String)>,
}

/// Options of `sbatch` that the script sets itself.
const OWN_OPTIONS: [&str; 7] =
    ["job-name", "array", "requeue", "open-mode", "signal", "output", "ntasks"];

impl Farm {
    /// Reads a TOML file; its relative paths start at its own folder.
    ///
    /// # Errors
    /// Names the file and what is wrong in it.
    pub fn read(path: &Path) -> Result<Self> {
        let within = || format!("reading {}", path.display());
        let text = read_text(path, MOST_BYTES).with_context(within)?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(""))).with_context(within)
    }

    /// Takes a farm apart whose relative paths start at `folder`.
    ///
    /// # Errors
    /// The line of the file, or the rule that is broken.
    pub fn parse(text: &str, folder: &Path) -> Result<Self> {
        let Written { name, slurm, jobs } = parse_toml(text).map_err(Error::usage)?;
        check_name(&name)?;
        ensure!(!jobs.is_empty(), "a farm has at least one job");
        let numbered = jobs.into_iter().enumerate();
        let jobs = numbered
            .map(|(index, table)| job(table, folder).with_context(|| format!("job {index}")))
            .collect::<Result<Vec<_>>>()?;
        for (index, config) in jobs.iter().enumerate() {
            let name = &config.name;
            ensure!(jobs[..index].iter().all(|c| c.name != *name), "there are two jobs {name:?}");
        }
        let slurm = slurm.into_iter().map(|(name, value)| option(name, &value));
        Ok(Self { name, jobs, slurm: slurm.collect::<Result<_>>()? })
    }

    /// The array script for Slurm: every element runs `program farm jobs --out out --index I`.
    ///
    /// # Errors
    /// When a path is not UTF-8, which a script cannot hold.
    pub fn slurm_script(&self, program: &Path, jobs: &Path, out: &Path) -> Result<String> {
        let [program, jobs, folder] = [program, jobs, out].map(text);
        let (program, jobs, folder) = (program?, jobs?, folder?);
        let log = format!("{}/{}-%a.log", folder.replace('%', "%%"), self.name);
        let mut script = format!(
            "#!/usr/bin/env bash\n\
             #SBATCH --job-name={}\n\
             #SBATCH --array=0-{}\n\
             #SBATCH --ntasks=1\n\
             #SBATCH --requeue\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --signal=B:TERM@120\n\
             #SBATCH --output=\"{log}\"\n",
            self.name,
            self.jobs.len() - 1,
        );
        for (name, value) in self.slurm.iter().cloned().chain(self.gpu()) {
            let joined = if value.is_empty() { name } else { format!("{name}={value}") };
            // Writing to a String does not fail.
            let _ = writeln!(script, "#SBATCH --{joined}");
        }
        let command = [program, "farm", jobs, "--out", folder].map(quoted).join(" ");
        let _ = write!(script, "\n{command} --index \"$SLURM_ARRAY_TASK_ID\" &\n{WAIT}");
        Ok(script)
    }

    /// One GPU for every element where a point wants one, unless the file says it its own way.
    fn gpu(&self) -> Option<(String, String)> {
        let told = |(name, _): &(String, String)| name.starts_with("gpus") || name == "gres";
        let mut points = self.jobs.iter().flat_map(|job| &job.points);
        let wanted = points.any(|p| p.request.device != "cpu") && !self.slurm.iter().any(told);
        wanted.then(|| ("gres".into(), "gpu:1".into()))
    }
}

/// What the script does once its element runs.
///
/// USR1 rather than TERM: where Slurm preempts it sends TERM to the element too, which a second one would end at once,
/// without a checkpoint; Slurm has then queued it again already, and says so. An element that has no ear yet ends by
/// either signal, 128 + 10 or 128 + 15, and is queued again too.
const WAIT: &str = r#"element=$!
trap 'kill -USR1 "$element"' TERM
# A signal ends the wait, not the element.
while
  wait "$element"
  status=$?
  kill -0 "$element" 2>/dev/null
do :; done
case $status in
75 | 138 | 143) scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" ;;
esac
exit "$status"
"#;

/// A curve of its own file, or one that is written here.
fn job(mut table: toml::Table, folder: &Path) -> Result<Config> {
    let Some(curve) = table.remove("curve") else { return Config::of_table(table, folder) };
    let other = table.keys().next();
    ensure!(other.is_none(), "beside curve stands {:?}, which belongs into its file", other);
    Config::read(&folder.join(curve.as_str().context("curve is the path of a file")?))
}

fn option(name: String, value: &toml::Value) -> Result<(String, String)> {
    ensure!(!OWN_OPTIONS.contains(&name.as_str()), "slurm: {name} is set by the farm itself");
    let value = match value {
        toml::Value::Boolean(true) => String::new(),
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        _ => bail!("slurm: {name} is a string, a whole number or true"),
    };
    // Anything else could end the line that it is written into.
    let plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        && value.chars().all(|c| c.is_ascii_graphic());
    ensure!(plain, "slurm: options have neither spaces nor quotes, not {name:?} = {value:?}");
    Ok((name, value))
}

fn text(path: &Path) -> Result<&str> {
    let shown = path.display();
    let text = path.to_str().with_context(|| format!("{shown} is not UTF-8: name another"))?;
    // The log's name stands between double quotes.
    let plain = !text.contains(['"', '\\', '\n']);
    ensure!(plain, "{shown} has a quote, a backslash or a line break: name another");
    Ok(text)
}

/// As one word of the shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rd::config::tests::ROOM;

    const FARM: &str = r#"
        name = "night"
        [slurm]
        cpus-per-task = 8
        time = "12:00:00"
        exclusive = true
        [[jobs]]
        curve = "room.toml"
        [[jobs]]
        name = "plaza"
        clip.views = ["left.y4m", "right.y4m"]
        points = [{ label = "q40", qp = 40 }]
    "#;

    fn farm(text: &str) -> Result<Farm> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("room.toml"), ROOM)?;
        Farm::parse(text, folder.path())
    }

    fn script(text: &str) -> String {
        let [program, jobs, out] = ["/bin/it's", "/a b/jobs.toml", "/out 5%"].map(Path::new);
        farm(text).unwrap().slurm_script(program, jobs, out).unwrap()
    }

    #[test]
    fn a_job_is_a_curve_of_its_own_file_or_written_here() {
        let farm = farm(FARM).unwrap();
        let names: Vec<_> = farm.jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["room", "plaza"]);
        assert_eq!(farm.jobs.iter().map(|job| job.points.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(farm.jobs[1].views[0].ends_with("left.y4m") && farm.jobs[1].views[0].is_absolute());
    }

    #[test]
    fn the_script_has_an_element_for_every_job_and_words_that_a_shell_keeps() {
        let script = script(FARM);
        for line in [
            "#SBATCH --array=0-1",
            "#SBATCH --requeue",
            "#SBATCH --open-mode=append",
            "#SBATCH --signal=B:TERM@120",
            "#SBATCH --output=\"/out 5%%/night-%a.log\"",
            "#SBATCH --cpus-per-task=8",
            "#SBATCH --exclusive",
            r#"'/bin/it'\''s' 'farm' '/a b/jobs.toml' '--out' '/out 5%' --index "$SLURM_ARRAY_TASK_ID" &"#,
        ] {
            assert!(script.lines().any(|l| l == line), "{line}: {script}");
        }
        assert!(!script.contains("gres"), "{script}");
    }

    #[test]
    fn elements_have_a_gpu_where_a_point_wants_one_unless_told_otherwise() {
        let cuda = FARM.replace("qp = 40", "device = \"cuda\"");
        assert!(script(&cuda).contains("#SBATCH --gres=gpu:1\n"));
        let told = script(&cuda.replace("exclusive = true", "gpus = \"a100:1\""));
        assert!(told.contains("--gpus=a100:1") && !told.contains("gres"), "{told}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let say = |from: &str, to: &str| {
            format!("{:#}", anyhow::Error::from(farm(&FARM.replace(from, to)).unwrap_err()))
        };
        assert_eq!(say("\"plaza\"", "\"room\""), "there are two jobs \"room\"");
        assert_eq!(
            say("exclusive = true", "array = \"0-9\""),
            "slurm: array is set by the farm itself"
        );
        assert!(say("12:00:00", "1\\n#SBATCH --x").contains("neither spaces nor quotes"));
        assert!(say("qp = 40", "pq = 40").contains("job 1: point \"q40\": "));
        assert!(say("\"room.toml\"", "\"room.toml\"\npoints = []").contains("job 0: beside curve"));
        assert!(say("room.toml", "none.toml").contains("none.toml"));
    }
}
