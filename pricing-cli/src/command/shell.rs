//! `bidprice completions` and `bidprice man`.

use std::fs;
use std::path::PathBuf;

use clap_complete::Shell;

use crate::error::{CliError, Exit};
use crate::{command_line, output};

/// Arguments of `bidprice completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Arguments of `bidprice man`.
#[derive(Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// The folder for the pages, one for each command; without it, the main page goes to stdout
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) fn completions(args: &CompletionsArgs) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "bidprice", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Success)
}

pub(crate) fn man(args: &ManArgs) -> Result<Exit, CliError> {
    let failed = |error: std::io::Error| CliError::internal(format!("the manual could not be written: {error}"));
    let mut command = command_line();
    command.build();
    match &args.folder {
        Some(folder) => {
            fs::create_dir_all(folder).map_err(failed)?;
            clap_mangen::generate_to(command, folder).map_err(failed)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page).map_err(failed)?;
            output::print(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Success)
}
