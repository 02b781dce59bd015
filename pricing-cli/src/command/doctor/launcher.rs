//! What the daemon runs as its bid price script: whether it is `bidprice-script`, or a launcher of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use pricing_core::variables::PREFIX;
use pricing_files::FileError;

/// The name of the drop-in.
const DROP_IN: &str = "bidprice-script";
/// What a script begins with.
const SHEBANG: &[u8; 2] = b"#!";
/// The most bytes of a script.
const MOST_BYTES: u64 = 1 << 20;

/// What the daemon runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Script {
    /// The drop-in itself.
    DropIn,
    /// A shell script that runs the drop-in.
    Launcher {
        /// The variables that it sets, where their values are plain texts.
        settings: BTreeMap<String, String>,
        /// The drop-in, as it is named there.
        program: PathBuf,
    },
    /// Something else.
    Other,
}

impl Script {
    /// Looks at a file. Nothing is run.
    pub(super) fn read(path: &Path) -> Result<Self, FileError> {
        let mut file = pricing_files::open(path)?;
        let mut head = [0; SHEBANG.len()];
        if file.read_exact(&mut head).is_ok() && head == *SHEBANG {
            let text = pricing_files::read_file(&file, MOST_BYTES)?;
            return Ok(Self::of_shell(&String::from_utf8_lossy(&text)));
        }
        // A link may have another name.
        let program = fs::canonicalize(path)?;
        Ok(if program.ends_with(DROP_IN) { Self::DropIn } else { Self::Other })
    }

    /// Reads a shell script word by word. Comments do not count.
    fn of_shell(text: &str) -> Self {
        let lines = text.lines().map(str::trim_start).filter(|line| !line.starts_with('#'));
        let mut settings = BTreeMap::new();
        let mut program = None;
        for word in lines.flat_map(str::split_whitespace).map(|word| word.trim_end_matches(';')) {
            match word.split_once('=') {
                // What the shell has to work out first is not known here.
                Some((name, value)) if name.starts_with(PREFIX) && !value.contains(['$', '`']) => {
                    settings.insert(name.to_owned(), unquoted(value).to_owned());
                }
                _ if unquoted(word).rsplit('/').next() == Some(DROP_IN) => program = Some(unquoted(word).into()),
                _ => {}
            }
        }
        program.map_or(Self::Other, |program| Self::Launcher { settings, program })
    }
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_launcher_is_known_by_the_program_that_it_runs() {
        let launcher = include_str!("../../../../deploy/helm/provider/bidpricescript.sh");
        let Script::Launcher { settings, program } = Script::of_shell(launcher) else { panic!("it is not a launcher") };
        assert_eq!(program, Path::new("/usr/local/bin/bidprice-script"));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(settings, [("BIDPRICE_FALLBACK", "local"), ("BIDPRICE_SOCKET", "/config/bidprice.sock")]);
        for other in
            ["#!/bin/sh\n# exec bidprice-script\necho 5\n", "#!/bin/sh\nexec /scripts/not-bidprice-script-at-all\n"]
        {
            assert_eq!(Script::of_shell(other), Script::Other, "{other}");
        }
        let quoted =
            "#!/bin/sh\nexport BIDPRICE_RATES=\"/etc/rates.toml\" BIDPRICE_SOCKET=$X\nexec 'bidprice-script'\n";
        let Script::Launcher { settings, program } = Script::of_shell(quoted) else { panic!("it is not a launcher") };
        assert_eq!((settings.len(), settings["BIDPRICE_RATES"].as_str()), (1, "/etc/rates.toml"));
        assert_eq!(program, Path::new("bidprice-script"));
    }
}
