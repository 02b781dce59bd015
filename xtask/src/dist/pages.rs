//! Manual pages and completions, as the programs write them.

use std::io;
use std::path::Path;
use std::process::Command;

use super::programs::{NAMES, Tree};
use super::{VERSION, output, write};
use crate::tools::run;

/// The shells, and where each looks for completions.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/bidprice"),
    ("zsh", "share/zsh/site-functions/_bidprice"),
    ("fish", "share/fish/vendor_completions.d/bidprice.fish"),
];

/// Lays down the pages and completions. Those of another machine's programs are the same, and come from the programs of
/// this one, which have to be laid down already.
pub(super) fn lay(tree: &Tree, laid: &[Tree]) -> io::Result<()> {
    if !tree.is_this_machine() {
        let ours = laid.iter().find(|other| other.is_this_machine());
        let ours = ours.ok_or_else(|| io::Error::other("the programs of this machine have to be made first"))?;
        return run(Command::new("cp").arg("--recursive").arg(ours.folder.join("share")).arg(&tree.folder));
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
