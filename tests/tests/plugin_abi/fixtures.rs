//! Building C plugins and finding the ones that cargo built.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

use diph_plugin_host::{Example, PluginInstance};
use diph_test_kit::{Report, check_conditional_prior, check_estimator, check_operator, check_projector};

/// Compiles `tests/fixtures/c/<source>.c` into `directory`; `None`, with a line that says so, when there is no C compiler.
pub fn build_c_plugin(source: &str, defines: &[&str], directory: &Path) -> Option<PathBuf> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    compile(&compiler, &root().join("../plugins/abi/include"), source, defines, directory)
}

/// Compiles a source of `tests/fixtures/c` with this compiler and the headers of `include`; `None`, with a line that says so, where
/// there is no such compiler.
pub fn compile(compiler: &str, include: &Path, source: &str, defines: &[&str], directory: &Path) -> Option<PathBuf> {
    let library = directory.join(format!("{DLL_PREFIX}{source}{DLL_SUFFIX}"));
    let built = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared", "-I"])
        .arg(include)
        .args(defines.iter().map(|define| format!("-D{define}")))
        .arg(root().join(format!("fixtures/c/{source}.c")))
        .arg("-o")
        .arg(&library)
        .arg("-lm")
        .output();
    let Ok(built) = built else {
        println!("skipped: C compiler `{compiler}` not present");
        return None;
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(library)
}

/// The folder of these tests' package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A plugin package that this package depends on: cargo leaves it beside the tests.
pub fn cargo_plugin(name: &str) -> PathBuf {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    deps.join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
}

/// Tries every law on an instance.
pub fn check(instance: &PluginInstance, example: &Example, seed: u64) -> Report {
    match instance {
        PluginInstance::Operator(operator) => check_operator(operator, seed),
        PluginInstance::Prior(prior) => {
            let conditions = example.draw_conditions(seed).unwrap_or_else(|error| panic!("{error}"));
            check_conditional_prior(&**prior, &example.image, &conditions, seed)
        }
        PluginInstance::Projector(projector) => check_projector(projector, &example.image_shape().unwrap(), seed),
        PluginInstance::Estimator(estimator) => check_estimator(estimator, &example.image, seed),
        _ => panic!("a kind that is unknown here"),
    }
}
