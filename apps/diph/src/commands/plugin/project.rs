//! The files of a new plugin project, made from templates that are whole plugins themselves.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

use clap::ValueEnum;
use diph_plugin_abi::{HEADER, OPTIONS_HEADER};

/// A file below `templates/plugin`.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/plugin/", $path))
    };
}

/// The language of a new plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// A package of cargo, with Diph's SDK
    Rust,
    /// One file in C99, with a Makefile
    C,
    /// One file in C++11, with a Makefile
    Cpp,
    /// One file with numpy, in a library that brings the interpreter with it
    Python,
}

/// The kind of a new plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PartKind {
    /// From images to k-space, with its adjoint
    ForwardOperator,
    /// A denoiser or proximal map
    Prior,
    /// The nearest signals that the physics allows, and their parameters
    PhysicsProjector,
    /// Parameter maps that are read off an image, as by a network
    Estimator,
}

impl PartKind {
    /// The key of a method under which such a part stands.
    fn setting(self) -> &'static str {
        match self {
            Self::ForwardOperator => "operator",
            Self::Prior => "prior",
            Self::PhysicsProjector => "projector",
            Self::Estimator => "estimator",
        }
    }

    /// The file of the four, in the order of the kinds.
    fn of(self, [operator, prior, projector, estimator]: [&'static str; 4]) -> &'static str {
        match self {
            Self::ForwardOperator => operator,
            Self::Prior => prior,
            Self::PhysicsProjector => projector,
            Self::Estimator => estimator,
        }
    }
}

/// A plugin that is about to be written.
pub struct Project {
    /// Language of its source.
    pub language: Language,
    /// Kind of its component.
    pub kind: PartKind,
    /// ID of its component, such as `lab.my-prior`.
    pub id: String,
    /// What stands behind `diph-plugin-sdk =` in the `Cargo.toml` of a plugin in Rust.
    pub sdk: Option<String>,
}

impl Project {
    /// The last word of the ID: `my-prior`.
    pub fn name(&self) -> &str {
        self.id.rsplit('.').next().unwrap_or(&self.id)
    }

    /// The name of files and libraries: `my_prior`.
    fn stem(&self) -> String {
        let name = self.name().replace('-', "_");
        match self.language {
            // A module must not bear the name of one that it or others import.
            Language::Python => format!("part_{name}"),
            // No package begins with a digit.
            _ if name.starts_with(|first: char| first.is_ascii_digit()) => format!("part_{name}"),
            _ => name,
        }
    }

    /// The name for people: `My prior`.
    fn title(&self) -> String {
        let words = self.name().replace(['-', '_'], " ");
        let mut letters = words.chars();
        letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    }

    /// The command that builds it, in its folder.
    pub fn build_command(&self) -> &'static str {
        match self.language {
            Language::Rust => "cargo build --release",
            Language::C | Language::Cpp => "make",
            Language::Python => "python3 build.py",
        }
    }

    /// The library that the build makes, in the project's folder.
    pub fn library(&self) -> String {
        let folder = if self.language == Language::Rust { "target/release/" } else { "" };
        format!("{folder}{DLL_PREFIX}{}{DLL_SUFFIX}", self.stem())
    }

    /// The file that its author changes.
    fn source(&self) -> String {
        match self.language {
            Language::Rust => "src/lib.rs".into(),
            Language::C => format!("{}.c", self.stem()),
            Language::Cpp => format!("{}.cpp", self.stem()),
            Language::Python => format!("{}.py", self.stem()),
        }
    }

    /// Paths within the project's folder, and texts.
    pub fn files(&self) -> Vec<(String, String)> {
        let headers = [("diph_plugin.h", HEADER), ("diph_options.h", OPTIONS_HEADER)];
        let (source, others) = match self.language {
            Language::Rust => (self.kind.of(RUST), vec![("Cargo.toml", template!("rust/manifest.toml"))]),
            Language::C => (self.kind.of(C), [&headers[..], &[("Makefile", template!("c/Makefile"))]].concat()),
            Language::Cpp => (self.kind.of(CPP), [&headers[..], &[("Makefile", template!("cpp/Makefile"))]].concat()),
            Language::Python => (self.kind.of(PYTHON), [&headers[..1], &PYTHON_SUPPORT].concat()),
        };
        let shared = [("README.md", template!("README.md")), (".gitignore", template!("gitignore"))];
        let others = others.into_iter().chain(shared).map(|(path, text)| (path.to_owned(), text));
        [(self.source(), source)].into_iter().chain(others).map(|(path, text)| (path, self.fill(text))).collect()
    }

    /// Puts the plugin's own words in the place of those of the template.
    fn fill(&self, template: &str) -> String {
        let kind = self.kind.to_possible_value().map_or_else(String::new, |value| value.get_name().replace('-', " "));
        let folder = if self.language == Language::Rust { "target/release" } else { "." };
        let text = template
            .replace("template.part", &self.id)
            .replace("template_part", &self.stem())
            .replace("template-part", &self.stem())
            .replace("Template part", &self.title());
        // Only the page for people and the manifest have these words.
        text.replace("BUILD\n", &format!("{}\n", self.build_command()))
            .replace("LIBRARY\n", &format!("{}\n", self.library()))
            .replace("--plugin-dir FOLDER", &format!("--plugin-dir {folder}"))
            .replace("'SETTING=", &format!("'{}=", self.kind.setting()))
            .replace("[`SOURCE`](SOURCE)", &format!("[`{0}`]({0})", self.source()))
            .replace("The KIND `", &format!("The {kind} `"))
            .replace(r#"{ path = "sdk" }"#, self.sdk.as_deref().unwrap_or_default())
    }
}

const RUST: [&str; 4] = [
    template!("rust/forward-operator.rs"),
    template!("rust/prior.rs"),
    template!("rust/physics-projector.rs"),
    template!("rust/estimator.rs"),
];
const C: [&str; 4] = [
    template!("c/forward-operator.c"),
    template!("c/prior.c"),
    template!("c/physics-projector.c"),
    template!("c/estimator.c"),
];
const CPP: [&str; 4] = [
    template!("cpp/forward-operator.cpp"),
    template!("cpp/prior.cpp"),
    template!("cpp/physics-projector.cpp"),
    template!("cpp/estimator.cpp"),
];
const PYTHON: [&str; 4] = [
    template!("python/forward-operator.py"),
    template!("python/prior.py"),
    template!("python/physics-projector.py"),
    template!("python/estimator.py"),
];
const PYTHON_SUPPORT: [(&str, &str); 3] = [
    ("build.py", template!("python/build.py")),
    ("diph_glue.py", template!("python/diph_glue.py")),
    ("diph_python.c", template!("python/diph_python.c")),
];

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 4] = [Language::Rust, Language::C, Language::Cpp, Language::Python];
    const KINDS: [PartKind; 4] =
        [PartKind::ForwardOperator, PartKind::Prior, PartKind::PhysicsProjector, PartKind::Estimator];

    fn project(language: Language, kind: PartKind) -> Project {
        Project { language, kind, id: "lab.my-2nd-part".into(), sdk: Some(r#"{ path = "here" }"#.into()) }
    }

    #[test]
    fn no_word_of_the_template_stays() {
        for (language, kind) in LANGUAGES.into_iter().flat_map(|language| KINDS.map(|kind| (language, kind))) {
            let files = project(language, kind).files();
            let has = |word: &str| files.iter().any(|(path, text)| path.contains(word) || text.contains(word));
            // C++ has templates of its own.
            let template = if language == Language::Cpp { "TEMPLATE" } else { "template" };
            for word in [template, "Template", "(SOURCE)", "LIBRARY\n", "BUILD\n", "SETTING", "KIND `", "\"sdk\""] {
                assert!(!has(word), "{language:?} {kind:?}: {word}");
            }
            assert!(has("lab.my-2nd-part") && has("My 2nd part"), "{language:?} {kind:?}");
        }
    }

    #[test]
    fn names_follow_the_id() {
        let named = |id: &str, language| Project { id: id.into(), ..project(language, PartKind::Prior) };
        let own = named("lab.my-2nd-part", Language::Rust);
        assert_eq!((own.name(), own.stem(), own.title()), ("my-2nd-part", "my_2nd_part".into(), "My 2nd part".into()));
        assert_eq!(named("lab.2d", Language::C).stem(), "part_2d");
        assert_eq!(named("lab.json", Language::Python).stem(), "part_json");
    }
}
