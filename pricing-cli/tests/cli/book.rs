//! Checks the book (`docs/`, and the pages around it): its commands print what it shows, and its links lead somewhere.
//!
//! Commands are in `console` blocks, and each begins with `$ `:
//!
//! | first line of the block | meaning |
//! |---|---|
//! | `console` | runs, and every command exits with 0 |
//! | `console exit=3` | runs, and the last command exits with 3 |
//! | `console until=FILE` | starts a command that runs until the page ends, and waits until FILE exists |
//! | `console no-run: WHY` | does not run, for the reason given |
//! | `toml file=NAME`, or any other language | writes the block to the file NAME, for the commands below it |
//!
//! A block is one shell. A page has one folder, with links to some of the repository's folders. The output shown below
//! a command is compared with what it prints, including stderr. A command without shown output may print anything. `…`
//! stands for any text within a line, and on a line by itself for any number of lines. Plugins are called with a
//! deadline that no machine misses. `GOLDEN=bless` (`cargo xtask golden --bless`) replaces the shown output, except
//! where there is a `…`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::programs::{HANG, bidprice_script};

/// Pages outside the book whose commands and links are checked, too.
const PAGES: [&str; 10] = [
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "DESIGN.md",
    "corpus/README.md",
    "deploy/README.md",
    "deploy/helm/bidprice/README.md",
    "examples-plugins/README.md",
    "pricing-python/README.md",
];

/// The programs that a command may begin with to be run. The tests neither build nor install any others.
const PROGRAMS: [&str; 6] = ["bidprice", "bidprice-script", "cat", "cd", "chmod", "ls"];

/// The folders of the repository that a page's commands can use.
const FOLDERS: [&str; 6] = ["corpus", "deploy", "docs", "examples", "examples-plugins", "studies"];

#[test]
fn the_commands_print_what_the_pages_show() {
    let pages: Vec<Page> = std::thread::scope(|scope| {
        let pages = pages().into_iter().map(|page| scope.spawn(move || Page::run(&page))).collect::<Vec<_>>();
        pages.into_iter().map(|page| page.join().unwrap()).collect()
    });
    let commands: usize = pages.iter().map(|page| page.commands).sum();
    assert!(commands > 30, "only {commands} commands were run");
    let failures: Vec<String> = pages.into_iter().flat_map(|page| page.failures).collect();
    assert!(failures.is_empty(), "`cargo xtask golden --bless` accepts what is printed now:\n{}", failures.join("\n"));
}

#[test]
fn the_table_of_contents_has_every_page_of_the_book() {
    let book = root().join("docs");
    let contents = fs::read_to_string(book.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&contents).into_iter().collect();
    let files = fs::read_dir(&book).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let pages: BTreeSet<String> = files.filter(|name| name.ends_with(".md") && name != "SUMMARY.md").collect();
    assert_eq!(listed, pages);
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let has_anchor = || anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor);
            if !target.exists() || !has_anchor() {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 50, "only {seen} links were seen");
}

#[test]
fn an_ellipsis_stands_for_any_text_or_any_lines() {
    for (shown, printed, matched) in [
        ("a", "a", true),
        ("a", "a\n", true),
        ("a", "b", false),
        ("a", "a\nb", false),
        ("a\nb", "a", false),
        ("a … c", "a b c", true),
        ("a … c", "a b", false),
        ("…", "", true),
        ("a\n…\nd", "a\nd", true),
        ("a\n…\nd", "a\nb\nc\nd", true),
        ("a\n…\nd", "a\nb", false),
        ("…\nb", "a\nb\nc", false),
    ] {
        let lines = |text: &'static str| text.lines().collect::<Vec<_>>();
        assert_eq!(matches(&lines(shown), &lines(printed)), matched, "{shown:?} {printed:?}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= 150, "the README has {lines} lines");
}

#[test]
fn every_reason_code_is_explained() {
    let page = fs::read_to_string(root().join("docs/why-no-bid.md")).unwrap();
    for code in pricing_core::quote::ReasonCode::ALL {
        assert!(page.contains(&format!("| `{code}` |")), "docs/why-no-bid.md does not explain `{code}`");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn pages() -> Vec<PathBuf> {
    let book = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = book.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.extend(PAGES.map(|page| root().join(page)));
    pages.sort();
    pages
}

/// The result of a page's commands.
struct Page {
    commands: usize,
    failures: Vec<String>,
}

impl Page {
    /// Runs the blocks of a page in order.
    fn run(page: &Path) -> Self {
        let text = fs::read_to_string(page).unwrap();
        let mut session = Session::new();
        let mut failures = Vec::new();
        let mut blessed = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            blessed += &format!("{line}\n");
            let Some(words) = line.trim_start().strip_prefix("```") else { continue };
            let indent = line.len() - line.trim_start().len();
            let content: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            let content = content.into_iter().map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect();
            let printed = Block { words: words.to_owned(), content }.run(&mut session).unwrap_or_else(|failure| {
                failures.push(format!("{}: ```{words}\n{failure}\n", page.display()));
                Vec::new()
            });
            for line in printed.iter().map(String::as_str).chain(["```"]) {
                let indent = if line.is_empty() { 0 } else { indent };
                blessed += &format!("{:indent$}{line}\n", "");
            }
        }
        if std::env::var_os("GOLDEN").is_some_and(|value| value == "bless") && failures.is_empty() && blessed != text {
            fs::write(page, blessed).unwrap();
        }
        Self { commands: session.commands, failures }
    }
}

/// A fenced block of a page.
struct Block {
    /// The info string after the fence.
    words: String,
    content: Vec<String>,
}

impl Block {
    /// Runs a block, and returns its lines as they should be.
    fn run(self, session: &mut Session) -> Result<Vec<String>, String> {
        let (language, how) = self.words.split_once(' ').unwrap_or((&self.words, ""));
        if language != "console" {
            if let Some(name) = how.strip_prefix("file=") {
                fs::write(session.folder.path().join(name), self.content.join("\n") + "\n").unwrap();
            }
            let command = self.content.iter().find(|line| line.starts_with("$ ") || line.starts_with("bidprice "));
            return command.map_or(Ok(self.content.clone()), |line| Err(format!("`{line}` is not in a console block")));
        }
        if let Some(reason) = how.strip_prefix("no-run:") {
            return if reason.trim().is_empty() { Err("it says not why".to_owned()) } else { Ok(self.content) };
        }
        let steps = steps(&self.content)?;
        if let Some(file) = how.strip_prefix("until=") {
            return session.start(&steps, file).map(|()| self.content);
        }
        let exit = match how.strip_prefix("exit=") {
            Some(code) => code.parse().map_err(|_| format!("`{how}` is not an exit code"))?,
            None if how.is_empty() => 0,
            None => return Err(format!("`{how}` is nothing that this test knows")),
        };
        session.run(&steps, exit)
    }
}

/// A command, and the output shown below it.
struct Step {
    command: Vec<String>,
    shown: Vec<String>,
}

fn steps(content: &[String]) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for line in content {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: vec![command.to_owned()], shown: Vec::new() }),
            (None, Some(step)) if step.goes_on() => step.command.push(line.clone()),
            (None, Some(step)) => step.shown.push(line.clone()),
            (None, None) => return Err(format!("`{line}` stands before the first command")),
        }
    }
    let program = |step: &Step| {
        let words = step.command.iter().flat_map(|line| line.split_whitespace());
        words.skip_while(|word| word.contains('=') || *word == "\\").map(str::to_owned).next().unwrap_or_default()
    };
    match steps.iter().map(program).find(|program| !PROGRAMS.contains(&program.as_str())) {
        Some(program) => Err(format!("`{program}` does not run in this test: say `no-run: WHY`")),
        None => Ok(steps),
    }
}

impl Step {
    fn goes_on(&self) -> bool {
        self.command.last().is_some_and(|line| line.ends_with('\\'))
    }

    /// Returns the script for the shell. A plugin's deadline must not depend on the load of this machine.
    fn script(&self) -> String {
        let command = self.command.join("\n");
        let calls_plugin = [" --plugin ", " plugin test ", " plugin run "].iter().any(|call| command.contains(call));
        if calls_plugin && !command.contains("--deadline") { command + " --deadline 10m" } else { command }
    }

    /// Returns the lines as they should be, or an error with what was printed.
    fn compare(&self, printed: &str) -> Result<Vec<String>, String> {
        let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
        let shown: Vec<&str> = self.shown.iter().map(|line| line.trim_end()).collect();
        let whole = printed.join("\n");
        let first = self.command.iter().enumerate();
        let mut lines: Vec<String> =
            first.map(|(number, line)| if number == 0 { format!("$ {line}") } else { line.clone() }).collect();
        if shown.iter().all(|line| line.is_empty()) || matches(&shown, &printed) {
            lines.extend(self.shown.iter().cloned());
        } else if std::env::var_os("GOLDEN").is_some() && !shown.iter().any(|line| line.contains('…')) {
            lines.extend(whole.lines().map(str::to_owned));
        } else {
            return Err(format!("$ {}\n{whole}", self.command.join("\n")));
        }
        Ok(lines)
    }
}

/// Returns whether the printed lines match the shown ones.
fn matches(shown: &[&str], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], rest) => rest.iter().all(|line| line.is_empty()),
        (["…", shown @ ..], _) => (0..=printed.len()).any(|skip| matches(shown, printed.get(skip..).unwrap_or(&[]))),
        ([line, shown @ ..], [first, rest @ ..]) => line_matches(line, first) && matches(shown, rest),
        ([line], []) => line.is_empty(),
        _ => false,
    }
}

fn line_matches(shown: &str, printed: &str) -> bool {
    match shown.split_once('…') {
        None => shown == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|printed| {
            let mut ends = printed.char_indices().map(|(at, _)| at).chain([printed.len()]);
            ends.any(|at| line_matches(rest, printed.get(at..).unwrap_or_default()))
        }),
    }
}

/// The folder in which a page's commands run, and those that are still running.
struct Session {
    folder: tempfile::TempDir,
    /// The number of commands that were run.
    commands: usize,
    running: Vec<Child>,
}

impl Session {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in FOLDERS {
            std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, commands: 0, running: Vec::new() }
    }

    /// Returns a bash with the programs of this build, in an otherwise empty environment.
    fn shell(&self, script: &str) -> Command {
        let programs = bidprice_script().parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = Command::new("bash");
        command.args(["-c", script]).env_clear().env("PATH", path).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the commands of a block in one shell. A separator line follows the output of each command.
    fn run(&mut self, steps: &[Step], exit: i32) -> Result<Vec<String>, String> {
        const BEHIND: char = '\u{1e}';
        self.commands += steps.len();
        let mut script = "exec 2>&1\n".to_owned();
        for step in steps {
            script += &format!("{}\nprintf '{BEHIND}%s{BEHIND}' $?\n", step.script());
        }
        let output = self.shell(&script).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        let mut parts = output.split(BEHIND);
        let mut lines = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let (printed, code) = (parts.next().unwrap(), parts.next().unwrap());
            let expected = if number + 1 == steps.len() { exit } else { 0 };
            if code != expected.to_string() {
                return Err(format!("$ {}\nexits with {code}:\n{printed}", step.command.join("\n")));
            }
            lines.extend(step.compare(printed)?);
        }
        Ok(lines)
    }

    /// Starts a command that runs until the page ends, and waits until a file exists. If it is a service's socket, the
    /// service must be ready, too: a reader types the next command later than a test does.
    fn start(&mut self, steps: &[Step], file: &str) -> Result<(), String> {
        let [step] = steps else { return Err("a block with `until` has one command".to_owned()) };
        let script = format!("exec {}", step.script().trim_end_matches('&'));
        let child = self.shell(&script).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.running.push(child);
        let started = Instant::now();
        while !self.is_there(file) {
            let child = self.running.last_mut().unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                return Err(format!("$ {script}\nended with {status}"));
            }
            assert!(started.elapsed() < HANG, "`{file}` never came");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Session {
    fn is_there(&self, file: &str) -> bool {
        let exists = self.folder.path().join(file).exists();
        let probe = || self.shell(&format!("bidprice probe --socket {file}")).output().unwrap().status.success();
        exists && (!file.ends_with(".sock") || probe())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns the targets of a page's links, except those in code.
fn links(text: &str) -> Vec<String> {
    let mut in_block = false;
    let mut links = Vec::new();
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        let ends = line.match_indices("](").filter(|_| !in_block).filter_map(|(at, _)| line.get(at + 2..));
        links.extend(ends.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()));
    }
    links
}

/// Returns the anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let word = |letter: &char| letter.is_alphanumeric() || ['-', '_', ' '].contains(letter);
    headings.map(|heading| heading.to_lowercase().chars().filter(word).collect::<String>().replace(' ', "-")).collect()
}
