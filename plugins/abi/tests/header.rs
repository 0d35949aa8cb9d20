//! The header says the same as the Rust types: compiled as C11 and as C++17 with every size and offset asserted.

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use diph_plugin_abi as abi;

/// Adds one assertion on the size of a struct and one for the offset of each field.
macro_rules! mirror {
    ($source:ident, $type:ty, $c:expr, $($field:ident $(as $c_field:literal)?),+) => {
        writeln!($source, "static_assert(sizeof({}) == {}, \"{}\");", $c, size_of::<$type>(), $c).unwrap();
        $(
            let field = [$($c_field,)? stringify!($field)][0];
            let offset = offset_of!($type, $field);
            writeln!($source, "static_assert(offsetof({}, {field}) == {offset}, \"{}.{field}\");", $c, $c).unwrap();
        )+
    };
}

fn assertions() -> String {
    let mut source = String::from("#include <assert.h>\n#include <stddef.h>\n#include \"diph_options.h\"\n");
    mirror!(source, abi::Str, "diph_string", data, length);
    mirror!(source, abi::ErrorBuffer, "diph_error", struct_size, message, capacity, written);
    mirror!(source, abi::Tensor, "diph_tensor", struct_size, dtype, ndim, shape, data);
    mirror!(source, abi::NamedTensor, "diph_named_tensor", struct_size, name, tensor);
    mirror!(source, abi::Axis, "diph_axis", name, length);
    mirror!(source, abi::Space, "diph_space", struct_size, axes, count);
    mirror!(source, abi::Parameter, "diph_parameter", name, unit);
    mirror!(source, abi::Host, "diph_host", struct_size, name, version, context, get_extension);
    mirror!(source, abi::HostLog, "diph_host_log", struct_size, log);
    mirror!(source, abi::HostProgress, "diph_host_progress", struct_size, progress);
    mirror!(source, abi::HostCancel, "diph_host_cancel", struct_size, cancelled);
    mirror!(source, abi::HostThreads, "diph_host_threads", struct_size, count);
    mirror!(source, abi::Descriptor, "diph_descriptor", struct_size, id, name, version, kind, summary);
    mirror!(source, abi::Descriptor, "diph_descriptor", options_schema, example, requirements);
    mirror!(source, abi::InstanceVtable, "diph_instance_vtable", struct_size, destroy, get_extension);
    mirror!(source, abi::Instance, "diph_instance", struct_size, vtable, this as "self");
    mirror!(source, abi::Factory, "diph_factory", struct_size, count, descriptor, create);
    mirror!(source, abi::Entry, "diph_entry", abi_major, abi_minor, struct_size, init, deinit, get_factory);
    mirror!(source, abi::OperatorVtable, "diph_operator_vtable", struct_size, destroy, get_extension, domain, range);
    mirror!(source, abi::OperatorVtable, "diph_operator_vtable", forward, adjoint, normal);
    mirror!(source, abi::DataWeights, "diph_operator_data_weights", struct_size, get);
    mirror!(source, abi::ScheduleEntry, "diph_schedule_entry", index, timestep, abar);
    mirror!(
        source,
        abi::PriorContext,
        "diph_prior_context",
        struct_size,
        schedule,
        conditions,
        condition_count,
        random
    );
    mirror!(source, abi::PriorContext, "diph_prior_context", random_normal, random_bits);
    mirror!(source, abi::PriorVtable, "diph_prior_vtable", struct_size, destroy, get_extension, denoise);
    mirror!(source, abi::NoiseSchedule, "diph_prior_noise_schedule", struct_size, schedule);
    mirror!(source, abi::Proximal, "diph_prior_proximal", struct_size, accuracy);
    mirror!(source, abi::Batch, "diph_prior_batch", struct_size, denoise);
    let inverse = "diph_operator_regularised_inverse";
    mirror!(source, abi::RegularisedInverse, inverse, struct_size, available, solve);
    mirror!(source, abi::Preconditioner, "diph_operator_preconditioner", struct_size, available, apply, symbol);
    mirror!(source, abi::Gaussian, "diph_prior_gaussian", struct_size, root);
    mirror!(source, abi::Acquisition, "diph_acquisition", struct_size, arrays, array_count, image_ndim, fourier_scale);
    mirror!(source, abi::Acquisition, "diph_acquisition", image, voxel_size, coefficients, coils, frames, samples);
    mirror!(source, abi::MemorySink, "diph_memory_sink", struct_size, context, kept, temporary);
    mirror!(source, abi::MemoryEstimate, "diph_memory_estimate", struct_size, estimate);
    mirror!(source, abi::TimeEstimate, "diph_time_estimate", struct_size, estimate);
    mirror!(source, abi::EstimatorVtable, "diph_estimator_vtable", struct_size, destroy, get_extension, input_count);
    mirror!(source, abi::EstimatorVtable, "diph_estimator_vtable", inputs, parameter_count, parameters, estimate);
    mirror!(source, abi::ProjectorVtable, "diph_projector_vtable", struct_size, destroy, get_extension, coefficients);
    mirror!(source, abi::ProjectorVtable, "diph_projector_vtable", parameter_count, parameters, project);

    let constants: [(&str, i64); 25] = [
        ("DIPH_ABI_MAJOR", i64::from(abi::ABI_MAJOR)),
        ("DIPH_ABI_MINOR", i64::from(abi::ABI_MINOR)),
        ("DIPH_OK", i64::from(abi::Status::OK.0)),
        ("DIPH_ERROR", i64::from(abi::Status::ERROR.0)),
        ("DIPH_ERROR_ARGUMENT", i64::from(abi::Status::ARGUMENT.0)),
        ("DIPH_ERROR_SHAPE", i64::from(abi::Status::SHAPE.0)),
        ("DIPH_ERROR_NOT_FINITE", i64::from(abi::Status::NOT_FINITE.0)),
        ("DIPH_ERROR_CANCELLED", i64::from(abi::Status::CANCELLED.0)),
        ("DIPH_ERROR_PANIC", i64::from(abi::Status::PANIC.0)),
        ("DIPH_UNSUPPORTED", i64::from(abi::Status::UNSUPPORTED.0)),
        ("DIPH_F32", i64::from(abi::Dtype::F32.0)),
        ("DIPH_F64", i64::from(abi::Dtype::F64.0)),
        ("DIPH_C64", i64::from(abi::Dtype::C64.0)),
        ("DIPH_C128", i64::from(abi::Dtype::C128.0)),
        ("DIPH_I32", i64::from(abi::Dtype::I32.0)),
        ("DIPH_I64", i64::from(abi::Dtype::I64.0)),
        ("DIPH_U8", i64::from(abi::Dtype::U8.0)),
        ("DIPH_LOG_DEBUG", 0),
        ("DIPH_LOG_INFO", 1),
        ("DIPH_LOG_WARNING", 2),
        ("DIPH_LOG_ERROR", 3),
        ("DIPH_FOURIER_UNKNOWN", i64::from(abi::Acquisition::FOURIER_UNKNOWN)),
        ("DIPH_FOURIER_UNITARY", i64::from(abi::Acquisition::FOURIER_UNITARY)),
        ("DIPH_FOURIER_TWICE_OVERSAMPLED", i64::from(abi::Acquisition::FOURIER_TWICE_OVERSAMPLED)),
        ("DIPH_USES_NORMAL", abi::MemoryEstimate::USES_NORMAL as i64),
    ];
    for (name, value) in constants {
        writeln!(source, "static_assert({name} == {value}, \"{name}\");").unwrap();
    }
    for (name, text) in [
        ("DIPH_FACTORY", abi::FACTORY),
        ("DIPH_MEMORY_ESTIMATE", abi::MEMORY_ESTIMATE),
        ("DIPH_TIME_ESTIMATE", abi::TIME_ESTIMATE),
        ("DIPH_KIND_ESTIMATOR", abi::KIND_ESTIMATOR),
        ("DIPH_KIND_FORWARD_OPERATOR", abi::KIND_FORWARD_OPERATOR),
        ("DIPH_KIND_PRIOR", abi::KIND_PRIOR),
        ("DIPH_KIND_PHYSICS_PROJECTOR", abi::KIND_PHYSICS_PROJECTOR),
        ("DIPH_OPERATOR_DATA_WEIGHTS", abi::OPERATOR_DATA_WEIGHTS),
        ("DIPH_PRIOR_NOISE_SCHEDULE", abi::PRIOR_NOISE_SCHEDULE),
        ("DIPH_OPERATOR_REGULARISED_INVERSE", abi::OPERATOR_REGULARISED_INVERSE),
        ("DIPH_OPERATOR_PRECONDITIONER", abi::OPERATOR_PRECONDITIONER),
        ("DIPH_PRIOR_BATCH", abi::PRIOR_BATCH),
        ("DIPH_PRIOR_GAUSSIAN", abi::PRIOR_GAUSSIAN),
        ("DIPH_PRIOR_PROXIMAL", abi::PRIOR_PROXIMAL),
        ("DIPH_HOST_LOG", abi::HOST_LOG),
        ("DIPH_HOST_PROGRESS", abi::HOST_PROGRESS),
        ("DIPH_HOST_CANCEL", abi::HOST_CANCEL),
        ("DIPH_HOST_THREADS", abi::HOST_THREADS),
    ] {
        // Compared by the program itself: C has no constant comparison of strings.
        writeln!(source, "static int differs_{name}(void) {{ diph_string s = DIPH_STRING({name});").unwrap();
        writeln!(source, "  return !diph_string_equals(s, \"{text}\"); }}").unwrap();
    }
    source.push_str("int main(void) { return 0");
    for name in source.clone().lines().filter_map(|line| line.strip_prefix("static int ")?.split('(').next()) {
        write!(source, " || {name}()").unwrap();
    }
    source.push_str("; }\nDIPH_EXPORT const diph_entry diph_plugin_entry = {1, 0, sizeof(diph_entry), 0, 0, 0};\n");
    source.push_str(
        "int refuse(diph_error *error); int refuse(diph_error *error) { return diph_fail(error, 1, \"no\"); }\n",
    );
    source
}

/// What the compiler says, and the program; `None`, with a line that says so, when there is no such compiler.
fn build(variable: &str, fallback: &str, standard: &str, name: &str, source: &str) -> Option<(Output, PathBuf)> {
    let compiler = std::env::var(variable).unwrap_or_else(|_| fallback.into());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join(name);
    let program = directory.join(name.replace('.', "-"));
    std::fs::write(&file, source).unwrap();
    let built = Command::new(&compiler)
        .args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
        .arg(&file)
        .arg("-o")
        .arg(&program)
        .output();
    match built {
        Ok(built) => Some((built, program)),
        Err(_) => {
            println!("skipped: compiler `{compiler}` not present");
            None
        }
    }
}

/// Compiles a program and runs it, which must succeed; skips when there is no such compiler.
fn compile(variable: &str, fallback: &str, standard: &str, name: &str, source: &str) {
    let Some((built, program)) = build(variable, fallback, standard, name, source) else { return };
    assert!(built.status.success(), "{name}, {standard}: {}", String::from_utf8_lossy(&built.stderr));
    let status = Command::new(&program).status().unwrap();
    assert!(status.success(), "{name}, {standard}: {status}");
}

#[test]
fn header_is_c11_with_the_same_layout_and_ids() {
    compile("CC", "cc", "-std=c11", "layout.c", &assertions());
}

#[test]
fn header_is_cpp17_with_the_same_layout_and_ids() {
    compile("CXX", "c++", "-std=c++17", "layout.cpp", &assertions());
}

/// The status of the program is the line in `options.c` (modulo 256) that failed.
#[test]
fn helpers_read_options_and_arrays_in_every_standard() {
    let source = include_str!("options.c");
    for standard in ["c99", "c11", "c17"] {
        compile("CC", "cc", &format!("-std={standard}"), &format!("options-{standard}.c"), source);
    }
    for standard in ["c++11", "c++17"] {
        compile("CXX", "c++", &format!("-std={standard}"), &format!("options-{standard}.cpp"), source);
    }
}

/// What would give a wrong length or a write of another type does not get through the compiler.
#[test]
fn macros_refuse_pointers_of_another_sort() {
    let body = |line: &str| format!("#include \"diph_options.h\"\nint main(void) {{ {line} return 0; }}\n");
    let wrong = [
        ("string", "const char *id = \"lab.x\"; diph_string s = DIPH_STRING(id); (void)s;"),
        ("array", "char id[] = \"lab.x\"; diph_string s = DIPH_STRING(id); (void)s;"),
        ("number", "float x = 0; diph_option o = DIPH_NUMBER(\"x\", &x); (void)o;"),
        ("integer", "int16_t x = 0; diph_option o = DIPH_INTEGER(\"x\", &x); (void)o;"),
        ("text", "char buffer[9]; char *x = buffer; diph_option o = DIPH_TEXT(\"x\", x); (void)o;"),
    ];
    for (name, line) in wrong {
        for (variable, fallback, standard, extension) in
            [("CC", "cc", "-std=c99", "c"), ("CXX", "c++", "-std=c++11", "cpp")]
        {
            let built = build(variable, fallback, standard, &format!("wrong-{name}.{extension}"), &body(line));
            assert!(built.is_none_or(|(built, _)| !built.status.success()), "{name} compiles as {standard}");
        }
    }
    compile("CC", "cc", "-std=c99", "right.c", &body("diph_string s = DIPH_STRING(\"lab.x\"); (void)s;"));
}
