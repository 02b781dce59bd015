//! `helm`: lints, renders, checks and packages the chart of the service.
//!
//! Each set of values in `deploy/helm/tests/values` is rendered, and read back into Kubernetes' own types. The
//! configuration that the chart writes is checked by `bidprice config check`. Each file in `deploy/helm/tests/refused`
//! must be refused, for the reason that its first line names.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;
use crate::tools::{self, HELM, run, target, top};

/// The chart.
const CHART: &str = "deploy/helm/bidprice";

/// The values that it is rendered with.
const SETS: &str = "deploy/helm/tests/values";

/// The set that has every part of the chart.
const EVERYTHING: &str = "everything";

/// The values that it must refuse. The first line of each is [`REASON`] and what the message has to contain.
const REFUSED: &str = "deploy/helm/tests/refused";
const REASON: &str = "# refused: ";

/// The Go module that reads what was rendered.
const CHECK: &str = "deploy/helm/check";

/// The programs of the task, and where it writes.
#[derive(Debug)]
struct Task {
    helm: PathBuf,
    check: PathBuf,
    bidprice: PathBuf,
    output: PathBuf,
}

/// Runs the task. False if anything is wrong, which was printed then.
pub(crate) fn run_all() -> bool {
    let done = Task::prepare().and_then(|task| task.all());
    done.inspect_err(|error| eprintln!("error: {error}")).is_ok()
}

impl Task {
    fn prepare() -> io::Result<Self> {
        // The tests build it with the features of the whole workspace. So nothing is built twice.
        if !cargo(&["test", "--workspace", "--test", "cli", "--no-run"], &[]) {
            return Err(io::Error::other("bidprice could not be built"));
        }
        let output = target().join("helm");
        // What an earlier run has left must not look like a result of this one.
        match fs::remove_dir_all(&output) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&output)?,
        }
        run(Command::new("go").args(["vet", "."]).current_dir(top().join(CHECK)))?;
        Ok(Self {
            helm: HELM.installed()?,
            check: tools::build(&top().join(CHECK), "helm-check")?,
            bidprice: target().join("debug/bidprice"),
            output,
        })
    }

    fn all(&self) -> io::Result<()> {
        // The defaults alone are not enough to install anything, but they have to be good values.
        run(self.helm().args(["lint", "--strict", CHART]))?;
        for set in yaml_files(SETS)? {
            self.set(&set)?;
        }
        self.check_the_check()?;
        for values in yaml_files(REFUSED)? {
            self.refusal(&values)?;
        }
        run(self.helm().args(["package", CHART, "--destination"]).arg(&self.output))
    }

    /// Renders the chart with a set of values, and checks what comes out.
    fn set(&self, values: &Path) -> io::Result<()> {
        run(self.helm().args(["lint", "--strict", CHART, "--values"]).arg(values))?;
        let folder = self.output.join(values.file_stem().unwrap_or_default());
        fs::create_dir_all(&folder)?;
        let rendered = folder.join("rendered.yaml");
        let output = self.template(values).output()?;
        if !output.status.success() {
            return Err(failed(values, &String::from_utf8_lossy(&output.stderr)));
        }
        fs::write(&rendered, output.stdout)?;
        run(Command::new(&self.check).arg(values).arg(&rendered).arg(&folder))?;
        let configuration = folder.join("bidprice.toml");
        if configuration.exists() {
            run(Command::new(&self.bidprice).args(["config", "check"]).arg(configuration))?;
        }
        Ok(())
    }

    /// Breaks what was rendered with every part of the chart in many ways, each of which the module has to find.
    fn check_the_check(&self) -> io::Result<()> {
        let values = top().join(SETS).join(EVERYTHING).with_extension("yaml");
        let rendered = self.output.join(EVERYTHING).join("rendered.yaml");
        // The cache would not notice that the files have changed.
        let mut test = Command::new("go");
        test.args(["test", "-count=1", "."]).current_dir(top().join(CHECK));
        run(test.env("VALUES", values).env("RENDERED", rendered))
    }

    /// Checks that values are refused, and for the right reason.
    fn refusal(&self, values: &Path) -> io::Result<()> {
        let text = fs::read_to_string(values)?;
        let reason = text.lines().next().and_then(|line| line.strip_prefix(REASON));
        let reason = reason.ok_or_else(|| failed(values, &format!("its first line is not `{REASON}…`")))?;
        let output = self.template(values).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() || !said.contains(reason) {
            return Err(failed(values, &format!("it has to be refused with `{reason}`, and helm says: {said}")));
        }
        eprintln!("{}: refused", values.display());
        Ok(())
    }

    fn template(&self, values: &Path) -> Command {
        let mut template = self.helm();
        template.args(["template", "bidprice", CHART, "--namespace", "akash-services", "--values"]).arg(values);
        template
    }

    fn helm(&self) -> Command {
        let mut helm = Command::new(&self.helm);
        helm.current_dir(top());
        helm
    }
}

fn failed(values: &Path, problem: &str) -> io::Error {
    io::Error::other(format!("{}: {problem}", values.display()))
}

/// Returns the YAML files of a folder by name. A folder without any is an error: it would check nothing.
fn yaml_files(folder: &str) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(top().join(folder))?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = entries.collect::<io::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    if files.is_empty() {
        return Err(io::Error::other(format!("`{folder}` has no values")));
    }
    Ok(files)
}
