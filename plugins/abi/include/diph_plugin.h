/* Diph plugin interface, major version 1. For C99 and C++11 and later; needs nothing but the standard library's headers.
 *
 * This version is frozen: what stands here keeps its meaning and its place, a plugin that was built against it runs with every
 * later host of major version 1, and all that comes is an extension (see Growth).
 *
 * A plugin is a shared library that exports ONE data symbol, `diph_plugin_entry`. From it the host gets a factory, from the
 * factory descriptors (without creating anything) and instances. An instance is one of four kinds: a linear operator, a
 * prior, a projector, or an estimator. All of them work on tensors; what they are made from is the ACQUISITION (named arrays
 * and facts, see diph_acquisition) and the OPTIONS, which are the user's alone.
 *
 * RULES THAT HOLD EVERYWHERE
 *
 * Sizes.     Every struct carries `struct_size`, set by the side that fills the struct to its own sizeof. The reader
 *            copies min(struct_size, own sizeof) bytes into a zeroed struct of its own and treats a null function as
 *            absent. Structs grow at the end only. Those marked FROZEN are passed in arrays or by value and never grow.
 * Version.   A host refuses a plugin whose `abi_major` is not equal to its own. A larger `abi_minor` only adds.
 * Growth.    New abilities come as extensions: structs behind `get_extension(id)` or `get_factory(id)`; null means unsupported.
 *            IDs end in a revision, "/1"; a changed meaning is a new revision. Answer null to every ID that you do not know,
 *            and skip descriptors of a kind that you do not know: neither is an error.
 * Ownership. Whoever allocates frees; nothing owned by one side is freed or resized by the other. Arguments are borrowed for
 *            the duration of the call: copy what you keep. Outputs are allocated by the host and written by the plugin.
 * Tensors.   C-contiguous (last axis fastest), native byte order. The first element of every tensor that the host hands over,
 *            of arrays, inputs and outputs alike, lies on a multiple of 64 bytes. Complex numbers are pairs (re, im). Inputs
 *            and outputs of one call never overlap. Outputs hold arbitrary values on entry; all of
 *            them must be written, with finite numbers. A plugin refuses tensors of a shape that it does not expect
 *            (DIPH_ERROR_SHAPE), and input and output that do not fit each other, instead of reading or writing beyond them.
 * Images.    Tensors (coefficient, y, x) or (coefficient, z, y, x): two or three spatial axes. A component takes two unless
 *            its descriptor says otherwise (`spatial_axes`). The host runs a prior of two axes over the planes of a volume,
 *            and folds the z axis into y for a projector of two axes; the fact `image` that these get is such a plane, the
 *            arrays stay those of the volume. "[z,]" stands for the axis that only volumes have.
 * Strings.   UTF-8, pointer and length, not necessarily terminated by a zero.
 * Errors.    A function that can fail returns a status, DIPH_OK or one of DIPH_ERROR_*, and puts a message into `error`
 *            (see diph_fail below). After a failure the outputs hold arbitrary values and the instance stays usable.
 *            No exception, panic or longjmp may leave a plugin, and none of the host's functions throws.
 * Threads.   Tags stand in brackets:
 *              [any thread]  from any thread, by several threads at once, also on the same instance; results must not
 *                            depend on that. No call changes how the next one behaves.
 *              [exclusive]   from any thread, but never at the same time as another call on the same object.
 * Files.     Plugins read no files, but for those that an option names.
 * Process.   It belongs to the host: a plugin leaves the working directory, the locale, signal handlers and the way in which the
 *            processor rounds (no flushing of denormal numbers) as they are, ends no process, and prints nothing: messages go to
 *            DIPH_HOST_LOG. What it allocates for an instance is free after `destroy`.
 */
#ifndef DIPH_PLUGIN_H
#define DIPH_PLUGIN_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#define DIPH_ABI_MAJOR 1u
#define DIPH_ABI_MINOR 0u

/* Linkage and visibility of the entry symbol: `DIPH_EXPORT const diph_entry diph_plugin_entry = { ... };` */
#if defined(_WIN32)
#define DIPH_VISIBILITY __declspec(dllexport)
#elif defined(__GNUC__)
#define DIPH_VISIBILITY __attribute__((visibility("default")))
#else
#define DIPH_VISIBILITY
#endif
#ifdef __cplusplus
#define DIPH_EXPORT extern "C" DIPH_VISIBILITY
#else
#define DIPH_EXPORT DIPH_VISIBILITY
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------ basics */

/* Status codes. A code that a reader does not know is a failure like DIPH_ERROR. */
#define DIPH_OK 0
#define DIPH_ERROR 1            /* failure of any other sort */
#define DIPH_ERROR_ARGUMENT 2   /* a null pointer, an option or an array that does not do */
#define DIPH_ERROR_SHAPE 3      /* a tensor of another shape or dtype than expected */
#define DIPH_ERROR_NOT_FINITE 4 /* a NaN or an infinity in an input */
#define DIPH_ERROR_CANCELLED 5  /* the host asked to stop */
#define DIPH_ERROR_PANIC 6      /* a bug in the plugin, caught at the border */
#define DIPH_UNSUPPORTED 7      /* this instance has no such thing; not a failure where a function says so */

/* Element types of tensors. */
#define DIPH_F32 1 /* float */
#define DIPH_F64 2 /* double */
#define DIPH_C64 3 /* complex of two floats */
#define DIPH_C128 4 /* complex of two doubles */
#define DIPH_I32 5
#define DIPH_I64 6
#define DIPH_U8 7

/* FROZEN. UTF-8 text: pointer and length in bytes. `data` may be null when `length` is 0. */
typedef struct diph_string {
  const char *data;
  uint64_t length;
} diph_string;

/* Initialiser for a diph_string from a string literal. A pointer does not compile: its length would be wrong. */
#define DIPH_STRING(literal) { "" literal "", sizeof(literal) - 1 }

/* Where a function puts its message. Owned by the host. `message` has room for `capacity` bytes; the plugin writes at most
 * that many (UTF-8, no terminating zero needed) and sets `written`. */
typedef struct diph_error {
  uint64_t struct_size;
  char *message;
  uint64_t capacity;
  uint64_t written;
} diph_error;

/* FROZEN. A borrowed view of an array. `shape` has `ndim` lengths, slowest axis first. A plugin writes to `data` of outputs
 * only, and never to any other field. `data` is null only where a function says that shapes come without values, and may be
 * null where a length is 0. */
typedef struct diph_tensor {
  uint64_t struct_size;
  int32_t dtype;
  uint32_t ndim;
  const uint64_t *shape;
  void *data;
} diph_tensor;

/* FROZEN. A tensor with a name. */
typedef struct diph_named_tensor {
  uint64_t struct_size;
  diph_string name;
  diph_tensor tensor;
} diph_named_tensor;

/* FROZEN. A named axis of a tensor. */
typedef struct diph_axis {
  diph_string name;
  uint64_t length;
} diph_axis;

/* Named axes, slowest first: the shape of what an operator takes or gives. */
typedef struct diph_space {
  uint64_t struct_size;
  const diph_axis *axes;
  uint64_t count;
} diph_space;

/* FROZEN. A quantity with its unit ("" for a pure number). */
typedef struct diph_parameter {
  diph_string name;
  diph_string unit;
} diph_parameter;

/* -------------------------------------------------------------------------------------------------------------- host */

/* The host, as a plugin sees it. Valid from `create` until `destroy` of the instance has returned. `context` is the host's
 * own; pass the struct's own address to every function. */
typedef struct diph_host {
  uint64_t struct_size;
  diph_string name;
  diph_string version;
  void *context;
  /* Extension of the host (DIPH_HOST_*), valid as long as the host; null when it has none. [any thread] */
  const void *(*get_extension)(const struct diph_host *host, diph_string id);
} diph_host;

#define DIPH_HOST_LOG "diph.host.log/1"
#define DIPH_LOG_DEBUG 0
#define DIPH_LOG_INFO 1
#define DIPH_LOG_WARNING 2
#define DIPH_LOG_ERROR 3
typedef struct diph_host_log {
  uint64_t struct_size;
  /* Reports a message to the user; `level` is DIPH_LOG_*. [any thread] */
  void (*log)(const diph_host *host, int32_t level, diph_string message);
} diph_host_log;

#define DIPH_HOST_PROGRESS "diph.host.progress/1"
typedef struct diph_host_progress {
  uint64_t struct_size;
  /* Says that `done` of `total` units of `task` are finished (total 0: unknown). Cheap; call it freely. [any thread] */
  void (*progress)(const diph_host *host, diph_string task, uint64_t done, uint64_t total);
} diph_host_progress;

#define DIPH_HOST_CANCEL "diph.host.cancel/1"
typedef struct diph_host_cancel {
  uint64_t struct_size;
  /* 1 when the user asked to stop: return DIPH_ERROR_CANCELLED soon. Otherwise 0. [any thread] */
  int32_t (*cancelled)(const diph_host *host);
} diph_host_cancel;

#define DIPH_HOST_THREADS "diph.host.threads/1"
typedef struct diph_host_threads {
  uint64_t struct_size;
  /* Number of threads that the plugin may use in all, at least 1; the same for the life of the host. A plugin that brings
   * threads of its own sets them up by this number in `create`; where several instances share a pool, the first may decide.
   * [any thread] */
  uint64_t (*count)(const diph_host *host);
} diph_host_threads;

/* -------------------------------------------------------------------------------------------------------- acquisition */

/* What was measured and how: named arrays and facts. Borrowed for the call; copy what you keep.
 *
 * Known arrays. Real arrays come as the dtype that stands here; read others only if you can. Hosts may add arrays: ask by
 * name (diph_find_array), never by place.
 *
 *   name        dtype  axes                    unit              meaning
 *   ----------  -----  ----------------------  ----------------  ---------------------------------------------------------
 *   trajectory  f64    (frame, sample, d)      cycles per pixel  k-space positions (ky, kx), or (kz, ky, kx) for d = 3, in
 *                                                                [-1/2, 1/2], periodic
 *   basis       f32    (frame, coefficient)    1                 real temporal basis V: frame t sees sum_k V[t,k] x_k
 *   weights     f32    (frame, sample)         1                 data weights w >= 0 (density compensation); ones when absent.
 *                                                                The first axis may be 1: the same for all frames
 *   coil_maps   c64    (coil, [z,] y, x)       1                 coil sensitivities; one coil of ones when absent
 *   atoms       f32    (atom, coefficient)     1                 compressed signals of a dictionary, of any norm
 *   norms       f32    (atom)                  1                 norms of the signals before `atoms` were normalised; ones
 *                                                                when absent
 *   lut         f32    (atom, parameter)       s, s, 1           T1 and T2 of every atom, and possibly its factor of B1+
 *
 * The transform of an image of N pixels is f * sum_r x(r) exp(-2 pi i k.(r - c)), pixel index r, centre c = length / 2 along
 * each axis (integer division), with the factor f that `fourier_scale` names.
 *
 * Facts. 0 means unknown.
 *
 *   name           field             unit    meaning
 *   -------------  ----------------  ------  -----------------------------------------------------------------------------
 *   image          image, image_ndim pixels  image_ndim (2 or 3) spatial lengths, slowest first
 *   voxel_size     voxel_size        m       edge lengths of a voxel along the same axes
 *   fourier_scale  fourier_scale             DIPH_FOURIER_*, the convention of the measured data
 *   coefficients   coefficients              length of the leading axis of images, K
 *   coils          coils                     receive coils
 *   frames         frames                    frames of the sequence
 *   samples        samples                   samples of a frame
 */
typedef struct diph_acquisition {
  uint64_t struct_size;
  const diph_named_tensor *arrays; /* null when there is none */
  uint64_t array_count;
  uint32_t image_ndim;
  int32_t fourier_scale;
  uint64_t image[3];
  double voxel_size[3];
  uint64_t coefficients;
  uint64_t coils;
  uint64_t frames;
  uint64_t samples;
} diph_acquisition;

/* The factor f in front of the Fourier sum over N pixels along d axes. */
#define DIPH_FOURIER_UNKNOWN 0
#define DIPH_FOURIER_UNITARY 1           /* 1 / sqrt(N) */
#define DIPH_FOURIER_TWICE_OVERSAMPLED 2 /* 1 / sqrt(2^d N): unitary on a grid of twice the size along each axis */

/* --------------------------------------------------------------------------------------------------- entry and factory */

#define DIPH_KIND_FORWARD_OPERATOR "diph.forward-operator/1"     /* instance vtable: diph_operator_vtable */
#define DIPH_KIND_PRIOR "diph.prior/1"                           /* instance vtable: diph_prior_vtable */
#define DIPH_KIND_PHYSICS_PROJECTOR "diph.physics-projector/1"   /* instance vtable: diph_projector_vtable */
#define DIPH_KIND_ESTIMATOR "diph.estimator/1"                   /* instance vtable: diph_estimator_vtable */

/* What a factory can create. Static: valid from a successful `init` until the process ends. */
typedef struct diph_descriptor {
  uint64_t struct_size;
  diph_string id;      /* unique, in dotted lower case: "example.scale" */
  diph_string name;    /* for people */
  diph_string version; /* of the plugin, for provenance: "1.2.0" */
  diph_string kind;    /* DIPH_KIND_* */
  diph_string summary; /* one line */
  /* JSON schema of the options: an object schema with `properties`, and `additionalProperties: false`. */
  diph_string options_schema;
  /* JSON from which a checker makes a small instance:
   *   {"options": {...}, "facts": {"image": [8, 8]},
   *    "arrays": {"name": {"shape": [3, 8], "dtype": "f32", "low": 0.0, "high": 1.0}}, "image": [2, 8, 8]}
   * The checker draws each array uniformly from [low, high) (real and imaginary part alike, integers with `high`
   * included) from a seeded generator, and with "step" only numbers low, low + step, ... below high; dtype is one of f32,
   * f64, c64, c128, i32, i64, u8. "facts" are facts of the acquisition by the names of the table below (fourier_scale as
   * "unitary" or "twice_oversampled"). "image" is the shape of an image to try a prior, projector or estimator on (default
   * [2, 16, 16]). "conditions" are condition images for a prior that wants them, described like arrays, of dtype c64.
   * All keys but "options" may be left out. */
  diph_string example;
  /* JSON that says what the component needs of the acquisition, so that a host can tell what is missing before it creates
   * anything:
   *   {"arrays": ["trajectory", "basis"], "optional_arrays": ["weights", "coil_maps"], "facts": ["image"],
   *    "optional_facts": ["fourier_scale"], "spatial_axes": [2]}
   * `create` gets every array of "arrays" and every fact of "facts", or is not called. It gets those of "optional_arrays" and
   * "optional_facts" that the host has; others it may not get. "spatial_axes" is [2], [3] or [2, 3]. All keys may be left
   * out ("spatial_axes" is then [2]); an empty text needs nothing. Unknown names of arrays are for the host to find or to
   * miss; a name that is no fact of this header is an error of the descriptor. */
  diph_string requirements;
} diph_descriptor;

/* The common head of every instance vtable. */
typedef struct diph_instance_vtable {
  uint64_t struct_size;
  /* Frees the instance. [exclusive], called once. */
  void (*destroy)(void *self);
  /* Extension of the instance, valid until `destroy`; null when it has none. The function itself may be null. [any thread] */
  const void *(*get_extension)(void *self, diph_string id);
} diph_instance_vtable;

/* An instance, filled by `create`: static vtable of the descriptor's kind, and a pointer that only the plugin understands. */
typedef struct diph_instance {
  uint64_t struct_size;
  const void *vtable;
  void *self;
} diph_instance;

#define DIPH_FACTORY "diph.factory/1"
typedef struct diph_factory {
  uint64_t struct_size;
  /* Number of descriptors. [any thread] */
  uint64_t (*count)(void);
  /* Descriptor number `index`, null when there is none. [any thread] */
  const diph_descriptor *(*descriptor)(uint64_t index);
  /* Creates the instance `id`. `options_json` is a JSON object with the options of the user and nothing else: unknown keys
   * must be refused (diph_options.h helps). Messages name the option, array or fact that is to blame. `acquisition` is
   * never null; ignore arrays that you do not know. Fills `instance`, whose struct_size the host has set. [any thread] */
  int32_t (*create)(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                    diph_instance *instance, diph_error *error);
} diph_factory;

/* Where a plugin puts the parts of an estimate. Both functions may be called any number of times during the call and on its
 * thread; the name is for people ("Toeplitz kernels") and borrowed for the call. */
typedef struct diph_memory_sink {
  uint64_t struct_size;
  void *context; /* first argument of the functions */
  /* Adds bytes that stay until the instance is destroyed. Parts of one name add up. */
  void (*kept)(void *context, diph_string name, uint64_t bytes);
  /* Adds bytes that are there for a while (in `create` or in a call), when no other temporary part is. Of parts of one name
   * the largest counts. */
  void (*temporary)(void *context, diph_string name, uint64_t bytes);
} diph_memory_sink;

/* What the host is going to do with an instance, where that matters for memory. */
#define DIPH_USES_NORMAL 1u /* calls `normal` of an operator */

/* Memory that an instance is going to need, asked before it is created: get_factory(DIPH_MEMORY_ESTIMATE) gives it. */
#define DIPH_MEMORY_ESTIMATE "diph.memory-estimate/1"
typedef struct diph_memory_estimate {
  uint64_t struct_size;
  /* Says what the instance `id` with these options needs beside tensors that the host owns. The arrays of `acquisition` have
   * dtype and shape, but `data` is null; facts are as for `create`. `uses` is a sum of DIPH_USES_*; ignore bits that you do
   * not know. Returns DIPH_UNSUPPORTED when it is not known for `id`. Must not allocate much itself. [any thread] */
  int32_t (*estimate)(diph_string id, diph_string options_json, const diph_acquisition *acquisition, uint64_t uses,
                      const diph_memory_sink *sink, diph_error *error);
} diph_memory_estimate;

/* Time that an instance is going to take, asked before it is created: get_factory(DIPH_TIME_ESTIMATE) gives it. Hosts tell
 * their users before a run that takes long. */
#define DIPH_TIME_ESTIMATE "diph.time-estimate/1"
typedef struct diph_time_estimate {
  uint64_t struct_size;
  /* Writes about how many seconds `calls` calls of `forward`, `denoise`, `project` or `estimate` of the instance `id` with these
   * options take on this machine; a guess within a factor of two does. `host` lives through the call; `acquisition` has shapes
   * alone, as for diph_memory_estimate. May measure the machine for a second, but not where `calls` are done within seconds
   * anyway. Returns DIPH_UNSUPPORTED when it is not known for `id`. [any thread] */
  int32_t (*estimate)(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                      uint64_t calls, double *seconds, diph_error *error);
} diph_time_estimate;

/* The one exported symbol. The first two fields keep their place in every major version. */
typedef struct diph_entry {
  uint32_t abi_major; /* DIPH_ABI_MAJOR */
  uint32_t abi_minor; /* DIPH_ABI_MINOR */
  uint64_t struct_size;
  /* Called before anything else, with the absolute path of the library (empty for a plugin that is linked into the host);
   * each host of a process calls it. May be null. [exclusive] */
  int32_t (*init)(diph_string path, diph_error *error);
  /* Called after the last instance is destroyed by a host that shuts down in order; others never call it. May be null.
   * [exclusive] */
  void (*deinit)(void);
  /* A static struct by its ID: DIPH_FACTORY gives a diph_factory, DIPH_MEMORY_ESTIMATE may give a diph_memory_estimate
   * and DIPH_TIME_ESTIMATE a diph_time_estimate. Null when unknown. [any thread] */
  const void *(*get_factory)(diph_string id);
} diph_entry;

/* ----------------------------------------------------------------------------------------------------------- operator */

/* A linear operator A between complex tensors (DIPH_C64) of two spaces, with its exact adjoint A^H for the inner product
 * sum conj(a) b. Where the array `weights` w was given to `create`, all maps are those of diag(w)^(1/2) A, extensions included. */
typedef struct diph_operator_vtable {
  uint64_t struct_size;
  void (*destroy)(void *self);                                 /* as in diph_instance_vtable */
  const void *(*get_extension)(void *self, diph_string id);    /* as in diph_instance_vtable */
  /* What `forward` takes and gives. Borrowed from the instance, valid until `destroy`, never changing. [any thread] */
  const diph_space *(*domain)(void *self);
  const diph_space *(*range)(void *self);
  /* y = A x. x has the shape of the domain, y that of the range. [any thread] */
  int32_t (*forward)(void *self, const diph_tensor *x, diph_tensor *y, diph_error *error);
  /* x = A^H y. [any thread] */
  int32_t (*adjoint)(void *self, const diph_tensor *y, diph_tensor *x, diph_error *error);
  /* out = A^H A x, both of the shape of the domain. Null: the host composes it. [any thread] */
  int32_t (*normal)(void *self, const diph_tensor *x, diph_tensor *out, diph_error *error);
} diph_operator_vtable;

#define DIPH_OPERATOR_DATA_WEIGHTS "diph.forward-operator.data-weights/1"
typedef struct diph_operator_data_weights {
  uint64_t struct_size;
  /* Writes sqrt(w), DIPH_F32 in the shape of the range, by which measured data have to be multiplied. Returns
   * DIPH_UNSUPPORTED when all weights are one. [any thread] */
  int32_t (*get)(void *self, diph_tensor *square_roots, diph_error *error);
} diph_operator_data_weights;

#define DIPH_OPERATOR_REGULARISED_INVERSE "diph.forward-operator.regularised-inverse/1"
typedef struct diph_operator_regularised_inverse {
  uint64_t struct_size;
  /* 1 when this instance has the inverse, otherwise 0 (as if the extension were absent). Never changes. [any thread] */
  int32_t (*available)(void *self);
  /* x = (A^H A + rho I)^-1 b, exact but for rounding; both have the shape of the domain, rho > 0. The host then needs no
   * conjugate gradients. [any thread] */
  int32_t (*solve)(void *self, float rho, const diph_tensor *b, diph_tensor *x, diph_error *error);
} diph_operator_regularised_inverse;

#define DIPH_OPERATOR_PRECONDITIONER "diph.forward-operator.preconditioner/1"
typedef struct diph_operator_preconditioner {
  uint64_t struct_size;
  /* 1 when this instance has a preconditioner, otherwise 0 (as if the extension were absent). Never changes. [any thread] */
  int32_t (*available)(void *self);
  /* z = M r for a linear, Hermitian, positive definite M that approximates (A^H A + rho I)^-1 up to a common factor and costs
   * no more than `normal`; both have the shape of the domain, rho >= 0. Equal for equal rho. [any thread] */
  int32_t (*apply)(void *self, float rho, const diph_tensor *r, diph_tensor *z, diph_error *error);
  /* Writes the diagonal of A^H A in the image's Fourier space, DIPH_F32 of the axes (coefficient, coefficient, [z,] y, x),
   * frequencies in the order of a discrete Fourier transform: C_jl(k) = <f_k e_j, A^H A f_k e_l> with the harmonic f_k of norm
   * 1, real and symmetric in j and l. Estimators with a stationary prior need it. Returns DIPH_UNSUPPORTED when it is not
   * known; may be null, too. [any thread] */
  int32_t (*symbol)(void *self, diph_tensor *symbol, diph_error *error);
} diph_operator_preconditioner;

/* -------------------------------------------------------------------------------------------------------------- prior */

/* FROZEN. One level of a noise schedule. */
typedef struct diph_schedule_entry {
  uint64_t index;    /* in the respaced schedule; 0 is the least noisy */
  uint64_t timestep; /* of the schedule that the prior was made with */
  double abar;       /* share of the signal's variance that is left, in (0, 1] */
} diph_schedule_entry;

/* What a prior may look at beside the noisy tensor. Borrowed for the call. */
typedef struct diph_prior_context {
  uint64_t struct_size;
  const diph_schedule_entry *schedule; /* exact entry in an annealed run, otherwise null */
  const diph_named_tensor *conditions; /* named DIPH_C64 tensors */
  uint64_t condition_count;
  void *random; /* argument of the two functions below, the only source of randomness: same seed, same result */
  /* Fills `out` with `n` standard normal numbers. Only during the call and on its thread. */
  void (*random_normal)(void *random, float *out, uint64_t n);
  /* Fills `out` with `n` uniform words, to seed a generator of your own. Only during the call and on its thread. */
  void (*random_bits)(void *random, uint64_t *out, uint64_t n);
} diph_prior_context;

/* A denoiser or proximal map with one scalar. */
typedef struct diph_prior_vtable {
  uint64_t struct_size;
  void (*destroy)(void *self);                                 /* as in diph_instance_vtable */
  const void *(*get_extension)(void *self, diph_string id);    /* as in diph_instance_vtable */
  /* Writes the denoised tensor into `clean`; both are DIPH_C64 images of one shape. noisy = clean + sigma * n, where real and
   * imaginary part of n have unit variance each; sigma >= 0 in the unit of the tensor. A prior with a penalty R gives the
   * proximal map of sigma^2 R (the identity where sigma is 0) and, where `penalty` is not null, R(clean) in it; NaN where
   * there is no R. [any thread] */
  int32_t (*denoise)(void *self, const diph_tensor *noisy, float sigma, diph_tensor *clean, double *penalty,
                     const diph_prior_context *context, diph_error *error);
} diph_prior_vtable;

#define DIPH_PRIOR_NOISE_SCHEDULE "diph.prior.noise-schedule/1"
typedef struct diph_prior_noise_schedule {
  uint64_t struct_size;
  /* Writes the schedule respaced to `steps` entries, least noisy first, into `entries` (room for `steps`) and their number
   * into `written`. Returns DIPH_UNSUPPORTED when this instance has no schedule. [any thread] */
  int32_t (*schedule)(void *self, uint64_t steps, diph_schedule_entry *entries, uint64_t *written, diph_error *error);
} diph_prior_noise_schedule;

#define DIPH_PRIOR_PROXIMAL "diph.prior.proximal/1"
typedef struct diph_prior_proximal {
  uint64_t struct_size;
  /* Writes the relative accuracy to which `denoise` is the proximal map of an absolutely homogeneous convex R: checkers
   * then test its laws. Returns DIPH_UNSUPPORTED when it is no such map. [any thread] */
  int32_t (*accuracy)(void *self, float *value, diph_error *error);
} diph_prior_proximal;

#define DIPH_PRIOR_BATCH "diph.prior.batch/1"
typedef struct diph_prior_batch {
  uint64_t struct_size;
  /* Denoises `count` >= 1 tensors of one shape, each as `denoise` would with its own context: the same numbers, but for
   * rounding. `noisy` and `clean` point to `count` tensors, `contexts` to `count` pointers. [any thread] */
  int32_t (*denoise)(void *self, const diph_tensor *noisy, float sigma, diph_tensor *clean,
                     const diph_prior_context *const *contexts, uint64_t count, diph_error *error);
} diph_prior_batch;

#define DIPH_PRIOR_GAUSSIAN "diph.prior.gaussian/1"
typedef struct diph_prior_gaussian {
  uint64_t struct_size;
  /* Of a prior that is a stationary normal distribution around zero: writes the symmetric square root L of the covariance of
   * the K coefficients in every point of the image's Fourier space, so that an image of scale 1 is F^H L w with white noise w,
   * E |w|^2 = 1, and the unitary discrete Fourier transform F. DIPH_F32 (coefficient, coefficient, [z,] y, x), frequencies from 0
   * in the order of the transform. `energy_ratio` is how much less a measurement of true images holds than one of such images,
   * as a ratio of norms; 1 where nothing is known. Returns DIPH_UNSUPPORTED when this instance is no such prior. [any thread] */
  int32_t (*root)(void *self, diph_tensor *matrices, float *energy_ratio, diph_error *error);
} diph_prior_gaussian;

/* ---------------------------------------------------------------------------------------------------------- projector */

/* A projection, place by place, on a set of vectors that is closed under complex scaling. */
typedef struct diph_projector_vtable {
  uint64_t struct_size;
  void (*destroy)(void *self);                                 /* as in diph_instance_vtable */
  const void *(*get_extension)(void *self, diph_string id);    /* as in diph_instance_vtable */
  /* Length of the first axis of what `project` takes. [any thread] */
  uint64_t (*coefficients)(void *self);
  /* The quantities that `project` finds: `parameter_count` entries, borrowed until `destroy`, never changing. [any thread] */
  uint64_t (*parameter_count)(void *self);
  const diph_parameter *(*parameters)(void *self);
  /* Writes the nearest allowed vector of every place of x into z; both DIPH_C64 (coefficient, [z,] y, x). Where `values`
   * (DIPH_F32: parameter, [z,] y, x, in the units of `parameters`) and `amplitude` (DIPH_C64: [z,] y, x) are not null, also
   * what it found: z = amplitude * response(values). Both are null or neither. Zeros give zeros. [any thread] */
  int32_t (*project)(void *self, const diph_tensor *x, diph_tensor *z, diph_tensor *values, diph_tensor *amplitude,
                     diph_error *error);
} diph_projector_vtable;

/* ---------------------------------------------------------------------------------------------------------- estimator */

/* Makes parameter maps, an image, or both from images: a trained regression network, for example. Not a prior (no noise
 * level) and not a projector (no set of signals). */
typedef struct diph_estimator_vtable {
  uint64_t struct_size;
  void (*destroy)(void *self);                                 /* as in diph_instance_vtable */
  const void *(*get_extension)(void *self, diph_string id);    /* as in diph_instance_vtable */
  /* Names of the images that `estimate` wants ("adjoint", "low_res", ..): `input_count` >= 1 entries, borrowed until
   * `destroy`, never changing. [any thread] */
  uint64_t (*input_count)(void *self);
  const diph_string *(*inputs)(void *self);
  /* The quantities that `estimate` finds: `parameter_count` entries, borrowed until `destroy`, never changing; 0 for an
   * estimator that gives an image only. [any thread] */
  uint64_t (*parameter_count)(void *self);
  const diph_parameter *(*parameters)(void *self);
  /* `images` are `count` tensors DIPH_C64 of one shape (coefficient, [z,] y, x), one for each of `inputs`, in their order.
   * Writes what is not null of: `image` (DIPH_C64, the images' shape), `values` (DIPH_F32: parameter, [z,] y, x, in the units
   * of `parameters`) with `amplitude` (DIPH_C64: [z,] y, x). `values` and `amplitude` are both null or neither, and at least
   * one of image and maps is wanted. Returns DIPH_UNSUPPORTED when asked for what it does not give. [any thread] */
  int32_t (*estimate)(void *self, const diph_named_tensor *images, uint64_t count, diph_tensor *image, diph_tensor *values,
                      diph_tensor *amplitude, diph_error *error);
} diph_estimator_vtable;

/* ------------------------------------------------------------------------------------------------ helpers for plugins */

/* Whether `string` is the text `literal` (zero-terminated). */
static inline int diph_string_equals(diph_string string, const char *literal) {
  uint64_t i = 0;
  while (i < string.length && literal[i] != 0 && literal[i] == string.data[i]) {
    ++i;
  }
  return i == string.length && literal[i] == 0;
}

/* Puts `message` (zero-terminated) into `error`, which may be null, and returns `status`:
 * `return diph_fail(error, DIPH_ERROR_ARGUMENT, "option `factor`: expected a number");` */
static inline int32_t diph_fail(diph_error *error, int32_t status, const char *message) {
  uint64_t n = 0;
  if (error != 0) {
    while (n < error->capacity && message[n] != 0) {
      error->message[n] = message[n];
      ++n;
    }
    error->written = n;
  }
  return status;
}

/* As diph_fail, with a message in the form of printf: `return diph_failf(error, DIPH_ERROR_SHAPE, "expected %d axes", 2);`. What
 * does not fit is cut. A diph_string goes in as `%.*s` with (int)length and data. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static inline int32_t diph_failf(diph_error *error, int32_t status, const char *format, ...) {
  va_list arguments;
  int length;
  if (error == 0 || error->capacity == 0) {
    return status;
  }
  va_start(arguments, format);
  length = vsnprintf(error->message, (size_t)error->capacity, format, arguments);
  va_end(arguments);
  error->written = length < 0 ? 0 : (uint64_t)length < error->capacity ? (uint64_t)length : error->capacity - 1;
  return status;
}

/* Number of elements of a tensor. */
static inline uint64_t diph_elements(const diph_tensor *tensor) {
  uint64_t n = 1;
  uint32_t i;
  for (i = 0; i < tensor->ndim; ++i) {
    n *= tensor->shape[i];
  }
  return n;
}

/* Whether two tensors have the same lengths along the same number of axes. */
static inline int diph_same_shape(const diph_tensor *a, const diph_tensor *b) {
  uint32_t i = 0;
  while (i < a->ndim && i < b->ndim && a->shape[i] == b->shape[i]) {
    ++i;
  }
  return i == a->ndim && i == b->ndim;
}

/* Whether `tensor` is there, with this dtype and number of axes. */
static inline int diph_tensor_is(const diph_tensor *tensor, int32_t dtype, uint32_t ndim) {
  return tensor != 0 && tensor->dtype == dtype && tensor->ndim == ndim;
}

/* Name of an element type for messages: "f32". */
static inline const char *diph_dtype_name(int32_t dtype) {
  static const char *const names[] = {"f32", "f64", "c64", "c128", "i32", "i64", "u8"};
  return dtype >= DIPH_F32 && dtype <= DIPH_U8 ? names[dtype - DIPH_F32] : "an unknown type";
}

/* The acquisition in a struct of the plugin's own size: fields that an older host does not have are 0. */
static inline diph_acquisition diph_read_acquisition(const diph_acquisition *given) {
  diph_acquisition own;
  unsigned char *to = (unsigned char *)&own;
  const unsigned char *from = (const unsigned char *)given;
  uint64_t i;
  for (i = 0; i < sizeof own; ++i) {
    to[i] = i < given->struct_size ? from[i] : 0;
  }
  own.struct_size = sizeof own;
  return own;
}

/* The array `name` (zero-terminated) of an acquisition, null when it has none. */
static inline const diph_tensor *diph_find_array(const diph_acquisition *acquisition, const char *name) {
  uint64_t i;
  for (i = 0; i < acquisition->array_count; ++i) {
    if (diph_string_equals(acquisition->arrays[i].name, name)) {
      return &acquisition->arrays[i].tensor;
    }
  }
  return 0;
}

/* Puts the array `name` of this dtype and number of axes into `tensor`, null where the acquisition has none, and returns DIPH_OK; or
 * DIPH_ERROR_ARGUMENT, with a message that says what was expected and what came. */
static inline int32_t diph_optional_array(const diph_acquisition *acquisition, const char *name, int32_t dtype, uint32_t ndim,
                                          const diph_tensor **tensor, diph_error *error) {
  const diph_tensor *found = diph_find_array(acquisition, name);
  *tensor = 0;
  if (found != 0 && !diph_tensor_is(found, dtype, ndim)) {
    return diph_failf(error, DIPH_ERROR_ARGUMENT, "array `%s`: expected %s along %u axes, got %s along %u", name,
                      diph_dtype_name(dtype), (unsigned)ndim, diph_dtype_name(found->dtype), (unsigned)found->ndim);
  }
  *tensor = found;
  return DIPH_OK;
}

/* As diph_optional_array, for an array that must be there. */
static inline int32_t diph_required_array(const diph_acquisition *acquisition, const char *name, int32_t dtype, uint32_t ndim,
                                          const diph_tensor **tensor, diph_error *error) {
  int32_t status = diph_optional_array(acquisition, name, dtype, ndim, tensor, error);
  if (status == DIPH_OK && *tensor == 0) {
    return diph_failf(error, DIPH_ERROR_ARGUMENT, "array `%s`: expected %s along %u axes, got nothing", name,
                      diph_dtype_name(dtype), (unsigned)ndim);
  }
  return status;
}

/* Defines factory and entry symbol of a plugin that is a static array of diph_descriptor and a function of the type of
 * diph_factory.create. Stands once, at the end of one source file:
 * `DIPH_EXPORT_COMPONENTS(descriptors, create)` */
#define DIPH_EXPORT_COMPONENTS(descriptors, create_function)                                                                 \
  static uint64_t diph_component_count(void) { return sizeof(descriptors) / sizeof((descriptors)[0]); }                      \
  static const diph_descriptor *diph_component(uint64_t index) {                                                             \
    return index < diph_component_count() ? &(descriptors)[index] : 0;                                                       \
  }                                                                                                                          \
  static const diph_factory diph_component_factory = {sizeof(diph_factory), diph_component_count, diph_component,            \
                                                      create_function};                                                      \
  static const void *diph_factory_of(diph_string id) {                                                                       \
    return diph_string_equals(id, DIPH_FACTORY) ? &diph_component_factory : 0;                                               \
  }                                                                                                                          \
  DIPH_EXPORT const diph_entry diph_plugin_entry = {DIPH_ABI_MAJOR, DIPH_ABI_MINOR, sizeof(diph_entry), 0, 0, diph_factory_of}

#ifdef __cplusplus
}
#endif

#endif
