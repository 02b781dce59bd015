//! Manual pages and completions, as the programs write them.

use std::io;
use std::path::Path;
use std::process::Command;

use super::programs::{NAMES, Tree};
use super::{VERSION, Work, output, write};

/// The shells, and where each looks for completions.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/bidprice"),
    ("zsh", "share/zsh/site-functions/_bidprice"),
    ("fish", "share/fish/vendor_completions.d/bidprice.fish"),
];

/// Lays down the pages and completions. Those of another machine's programs are the same, and come from the programs of
/// this one.
pub(super) fn lay(work: &Work, tree: &Tree) -> io::Result<()> {
    let share = if tree.is_this_machine() { None } else { Some(work.folder.join(std::env::consts::ARCH)) };
    if let Some(other) = share {
        return copy_from(&other, &tree.folder);
    }
    for name in NAMES {
        let told = String::from_utf8_lossy(&told(&tree.program(name), &["--version"])?).into_owned();
        if told.trim() != format!("{name} {VERSION}") {
            return Err(io::Error::other(format!("`{name} --version` says `{}`", told.trim())));
        }
    }
    let (bidprice, pages) = (tree.program("bidprice"), tree.folder.join("share/man/man1"));
    told(&bidprice, &["man", &pages.to_string_lossy()])?;
    let help = told(&tree.program("bidprice-script"), &["--help"])?;
    write(&pages.join("bidprice-script.1"), page_of_the_drop_in(&String::from_utf8_lossy(&help)))?;
    for (shell, at) in SHELLS {
        write(&tree.folder.join(at), told(&bidprice, &["completions", shell])?)?;
    }
    Ok(())
}

/// Runs a program for what it prints. The caller's variables are not for it: it refuses some.
fn told(program: &Path, words: &[&str]) -> io::Result<Vec<u8>> {
    output(Command::new(program).args(words).env_clear())
}

/// Copies `share/` of the programs of this machine.
fn copy_from(part: &Path, to: &Path) -> io::Result<()> {
    let mut folders = std::fs::read_dir(part)?.filter_map(Result::ok).map(|entry| entry.path().join("share"));
    let share = folders.find(|share| share.is_dir());
    let share = share.ok_or_else(|| io::Error::other("the programs of this machine have to be made first"))?;
    crate::tools::run(Command::new("cp").arg("--recursive").arg(share).arg(to))
}

/// Writes the page of `bidprice-script`, which does not link what writes those of `bidprice`: its help, as it is.
fn page_of_the_drop_in(help: &str) -> String {
    let lines = help.lines().map(|line| {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        // A line that begins with one of these would be a request.
        if line.starts_with(['.', '\'']) { format!("\\&{line}\n") } else { format!("{line}\n") }
    });
    format!(
        ".TH bidprice\\-script 1 \"\" \"bidprice\\-script {VERSION}\"\n\
         .SH NAME\nbidprice\\-script \\- a drop\\-in for a provider's bid price script\n\
         .SH SYNOPSIS\n.B bidprice\\-script\n\
         .SH DESCRIPTION\n.nf\n{}.fi\n.SH SEE ALSO\n.BR bidprice (1)\n",
        lines.collect::<String>()
    )
}
