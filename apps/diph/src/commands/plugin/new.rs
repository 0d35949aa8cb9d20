//! `diph plugin new`: a project for a plugin of one's own, outside of Diph's source tree.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_formats::OutputFile;
use diph_plugin_host::check_id;
use diph_recon::Blame;
use serde_json::json;

use super::project::{Language, PartKind, Project};
use crate::Context;
use crate::commands::lossy;
use crate::output::{AppError, BlameFlag};

/// Package name of the SDK, by which its folder is known.
const SDK: &str = "diph-plugin-sdk";

/// Arguments of `diph plugin new`.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// Its ID, such as `lab.my-prior`: small letters, digits, `-` and `_` around dots. Of a name without a dot, `lab.` is put before
    pub name: String,
    /// The language to write it in
    #[arg(long, value_enum)]
    pub lang: Language,
    /// What it is
    #[arg(long, value_enum)]
    pub kind: PartKind,
    /// Folder of the project (default: the last word of the ID, in the current folder)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// For Rust, where Diph's SDK is: a folder with Diph's source tree, or the URL of a git repository with it (default: the source
    /// tree that the current folder lies in)
    #[arg(long, value_name = "PATH|URL")]
    pub sdk: Option<String>,
    /// Replace files that are there already
    #[arg(long)]
    pub force: bool,
}

impl NewArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the name is no ID, the SDK is not found, or files are in the way; nothing is written then.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let id = if self.name.contains('.') { self.name.clone() } else { format!("lab.{}", self.name) };
        check_id(&id).flag("NAME")?;
        let project = Project { language: self.lang, kind: self.kind, id, sdk: self.dependency()? };
        let folder = self.out.clone().unwrap_or_else(|| project.name().into());
        let files: Vec<_> = project.files().into_iter().map(|(path, text)| (folder.join(path), text)).collect();
        for (path, text) in &files {
            OutputFile::new(path, self.force, &[]).and_then(|file| file.check(text.as_bytes())).file(path)?;
        }
        for (path, text) in &files {
            OutputFile::new(path, self.force, &[]).and_then(|file| file.write(text.as_bytes())).file(path)?;
        }
        let (build, library) = (project.build_command(), project.library());
        let result = json!({
            "id": project.id,
            "folder": lossy(&folder),
            "files": files.iter().map(|(path, _)| lossy(path)).collect::<Vec<_>>(),
            "build": build,
            "library": lossy(&folder.join(&library)),
        });
        context.output.result(&result, || {
            let folder = folder.display();
            format!("{} is in {folder}; to build and to check it:\n\n  cd {folder}\n  {build}\n  diph plugin check {library}", project.id)
        })
    }

    /// What a plugin in Rust depends on; `None` for the other languages.
    fn dependency(&self) -> Result<Option<String>, AppError> {
        if self.lang != Language::Rust {
            return match &self.sdk {
                None => Ok(None),
                Some(_) => {
                    Err(AppError::usage("--sdk", "expected --lang rust with it; other languages need the header alone"))
                }
            };
        }
        let wanted = "the folder of Diph's source tree (with plugins/sdk in it), or the URL of its git repository";
        let folder = match &self.sdk {
            Some(url) if url.contains("://") || url.starts_with("git@") => {
                return Ok(Some(format!("{{ git = {} }}", json!(url))));
            }
            Some(path) => sdk_in(Path::new(path))
                .ok_or_else(|| AppError::usage("--sdk", format!("expected {}, got {path}", wanted)))?,
            None => {
                let current = env::current_dir().step("looking for the SDK")?;
                current.ancestors().find_map(sdk_in).ok_or_else(|| {
                    AppError::usage(
                        "--sdk",
                        format!("expected {}, since the current folder lies in no such tree", wanted),
                    )
                })?
            }
        };
        let folder = folder.to_str().ok_or_else(|| AppError::usage("--sdk", "expected a path that is UTF-8 text"))?;
        Ok(Some(format!("{{ path = {} }}", json!(folder))))
    }
}

/// The folder of the SDK's package, if `folder` is it or a source tree with it.
fn sdk_in(folder: &Path) -> Option<PathBuf> {
    let has_sdk = |folder: &PathBuf| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == format!("name = \"{SDK}\""))
    };
    [folder.join("plugins").join("sdk"), folder.to_owned()].into_iter().find(has_sdk)?.canonicalize().ok()
}
