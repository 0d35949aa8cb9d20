/* Lets a Diph plugin be written in Python: this file embeds the interpreter and passes calls of the host on to Python.
 *
 * `build.py` compiles it together with the Python sources, which `generated.h` holds as text: the library is one file, and its hash
 * covers the Python code. Nothing here is specific to a plugin. */
#define PY_SSIZE_T_CLEAN
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include <Python.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "diph_plugin.h"
#include "generated.h"

#define MOST_AXES 8
#define MOST_NAMES 64

/* --------------------------------------------------------------------------------------------------------- interpreter */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char start_failure[1024];
static PyObject *call_function; /* `call` of the glue */

/* An exception that Python code has not caught, in words. */
static void describe_exception(char *text, size_t capacity) {
  PyObject *type, *value, *traceback, *words;
  const char *utf8;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  words = value != 0 ? PyObject_Str(value) : 0;
  utf8 = words != 0 ? PyUnicode_AsUTF8(words) : 0;
  snprintf(text, capacity, "%s: %s", value != 0 ? Py_TYPE(value)->tp_name : "exception", utf8 != 0 ? utf8 : "without words");
  Py_XDECREF(words);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
  PyErr_Clear();
}

/* A host opens plugins with RTLD_LOCAL, so that the symbols of this library and of libpython are nobody else's. Extension modules
 * such as numpy's are not linked to libpython and look for its symbols among those of the whole process: it is opened again,
 * for all to see. */
static int make_python_global(void) {
  Dl_info found;
  if (dladdr((void *)(uintptr_t)&Py_IsInitialized, &found) == 0 || found.dli_fname == 0) return 0;
  return dlopen(found.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD) != 0 || dlsym(RTLD_DEFAULT, "Py_IsInitialized") != 0;
}

/* Starts the interpreter that `build.py` ran in, with the packages that it had; its signals stay those of the host. */
static int start_interpreter(void) {
  PyConfig config;
  PyStatus status;
  PyConfig_InitPythonConfig(&config);
  config.install_signal_handlers = 0;
  config.parse_argv = 0;
  status = PyConfig_SetBytesString(&config, &config.program_name, PYTHON_EXECUTABLE);
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    snprintf(start_failure, sizeof start_failure, "python does not start: %s", status.err_msg != 0 ? status.err_msg : "no reason given");
    return 0;
  }
  return 1;
}

/* Runs source text as a new module that is in nobody's way: another plugin may have one of the same name. */
static PyObject *load(const char *name, const char *file, const char *source) {
  PyObject *code = Py_CompileString(source, file, Py_file_input), *module;
  if (code == 0) return 0;
  module = PyImport_ExecCodeModuleEx(name, code, file);
  Py_DECREF(code);
  return module;
}

static void load_modules(void) {
  PyObject *part = load(MODULE_NAME, PART_FILE, part_source), *glue = 0, *done;
  if (part != 0) glue = load(MODULE_NAME "_glue", "diph_glue.py", glue_source);
  done = glue != 0 ? PyObject_CallMethod(glue, "use", "O", part) : 0;
  if (done != 0) call_function = PyObject_GetAttrString(glue, "call");
  if (call_function == 0) describe_exception(start_failure, sizeof start_failure);
  Py_XDECREF(done);
  Py_XDECREF(part);
  Py_XDECREF(glue);
}

static void start(void) {
  const char *(*other)(void) = (const char *(*)(void))(uintptr_t)dlsym(RTLD_DEFAULT, "Py_GetVersion");
  PyGILState_STATE state;
  if (other != 0 && strncmp(other(), PY_VERSION, strlen(PYTHON_SERIES)) != 0) {
    snprintf(start_failure, sizeof start_failure,
             "python %s runs in this process already, and this plugin was built for %s: build all with one python", other(), PYTHON_SERIES);
    return;
  }
  if (!make_python_global()) {
    snprintf(start_failure, sizeof start_failure, "the shared library of python cannot be opened for its extension modules");
    return;
  }
  if (!Py_IsInitialized()) {
    if (!start_interpreter()) return;
    load_modules();
    PyEval_SaveThread(); /* any thread may take the interpreter from now on */
    return;
  }
  state = PyGILState_Ensure();
  load_modules();
  PyGILState_Release(state);
}

/* ---------------------------------------------------------------------------------------------------------------- calls */

/* A tensor as (memory, number of its type, shape); memory is None where a shape comes without values. */
static PyObject *tensor_object(const diph_tensor *tensor, int is_output) {
  static const Py_ssize_t bytes[] = {0, 4, 8, 8, 16, 4, 8, 1};
  PyObject *shape, *memory;
  uint32_t i;
  if (tensor == 0) Py_RETURN_NONE;
  if (tensor->dtype < DIPH_F32 || tensor->dtype > DIPH_U8) {
    return PyErr_Format(PyExc_TypeError, "an element type that is unknown here: %d", (int)tensor->dtype);
  }
  shape = PyTuple_New(tensor->ndim);
  for (i = 0; shape != 0 && i < tensor->ndim; ++i) PyTuple_SET_ITEM(shape, i, PyLong_FromUnsignedLongLong(tensor->shape[i]));
  if (tensor->data == 0) {
    memory = Py_None;
    Py_INCREF(memory);
  } else {
    memory = PyMemoryView_FromMemory((char *)tensor->data, (Py_ssize_t)diph_elements(tensor) * bytes[tensor->dtype],
                                     is_output ? PyBUF_WRITE : PyBUF_READ);
  }
  return shape != 0 && memory != 0 ? Py_BuildValue("(NiN)", memory, (int)tensor->dtype, shape) : 0;
}

static PyObject *named_tensors(const diph_named_tensor *tensors, uint64_t count) {
  PyObject *list = PyList_New(0);
  uint64_t i;
  for (i = 0; list != 0 && i < count; ++i) {
    PyObject *tensor = tensor_object(&tensors[i].tensor, 0);
    PyObject *pair = tensor == 0 ? 0
                                 : Py_BuildValue("(s#N)", tensors[i].name.data, (Py_ssize_t)tensors[i].name.length, tensor);
    if (pair == 0 || PyList_Append(list, pair) != 0) {
      Py_XDECREF(pair);
      Py_DECREF(list);
      return 0;
    }
    Py_DECREF(pair);
  }
  return list;
}

/* Calls `name` of the glue with a tuple of arguments, which it takes over. The glue answers (status, result or message). */
static int32_t call(diph_error *error, const char *name, PyObject *arguments, PyObject **result) {
  PyObject *answer = arguments != 0 ? PyObject_CallFunction(call_function, "sO", name, arguments) : 0;
  PyObject *value = answer != 0 && PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) == 2 ? PyTuple_GET_ITEM(answer, 1) : 0;
  int32_t status = DIPH_ERROR;
  Py_XDECREF(arguments);
  if (value == 0) {
    char text[512];
    describe_exception(text, sizeof text);
    diph_fail(error, DIPH_ERROR, text);
  } else {
    status = (int32_t)PyLong_AsLong(PyTuple_GET_ITEM(answer, 0));
    if (status != DIPH_OK && PyUnicode_Check(value)) {
      const char *text = PyUnicode_AsUTF8(value);
      diph_fail(error, status, text != 0 ? text : "a message that is no text");
    } else if (result != 0) {
      Py_INCREF(value);
      *result = value;
    }
  }
  Py_XDECREF(answer);
  PyErr_Clear();
  return status;
}

/* ------------------------------------------------------------------------------------------------------------- instance */

typedef struct instance {
  PyObject *part;        /* the object of the plugin's class */
  PyObject *description; /* keeps the texts below */
  diph_axis axes[2][MOST_AXES];
  diph_space spaces[2];
  diph_parameter parameters[MOST_NAMES];
  diph_string inputs[MOST_NAMES];
  uint64_t parameter_count, input_count, coefficients;
  double accuracy;
} instance;

static void destroy(void *object) {
  instance *self = (instance *)object;
  PyGILState_STATE state = PyGILState_Ensure();
  Py_XDECREF(self->part);
  Py_XDECREF(self->description);
  PyGILState_Release(state);
  free(self);
}

static int read_text(PyObject *object, diph_string *text) {
  Py_ssize_t length = 0;
  text->data = PyUnicode_AsUTF8AndSize(object, &length);
  text->length = (uint64_t)length;
  return text->data != 0;
}

/* Pairs (text, length) of a list; 0 when there are too many, or something else. */
static int read_axes(PyObject *list, diph_axis *axes, diph_space *space) {
  Py_ssize_t i, count = PyList_Size(list);
  if (count < 0 || count > MOST_AXES) return 0;
  for (i = 0; i < count; ++i) {
    PyObject *pair = PyList_GET_ITEM(list, i);
    if (!read_text(PyTuple_GetItem(pair, 0), &axes[i].name)) return 0;
    axes[i].length = PyLong_AsUnsignedLongLong(PyTuple_GetItem(pair, 1));
  }
  space->struct_size = sizeof *space;
  space->axes = axes;
  space->count = (uint64_t)count;
  return !PyErr_Occurred();
}

/* What the glue says of a new part: ([domain], [range], [(parameter, unit)], [input], coefficients, accuracy). */
static int read_description(instance *self) {
  PyObject *parameters = PyTuple_GetItem(self->description, 2), *inputs = PyTuple_GetItem(self->description, 3);
  Py_ssize_t i, count = PyList_Size(parameters), input_count = PyList_Size(inputs);
  if (count < 0 || count > MOST_NAMES || input_count < 0 || input_count > MOST_NAMES) return 0;
  for (i = 0; i < 2; ++i) {
    if (!read_axes(PyTuple_GetItem(self->description, i), self->axes[i], &self->spaces[i])) return 0;
  }
  for (i = 0; i < count; ++i) {
    PyObject *pair = PyList_GET_ITEM(parameters, i);
    if (!read_text(PyTuple_GetItem(pair, 0), &self->parameters[i].name)) return 0;
    if (!read_text(PyTuple_GetItem(pair, 1), &self->parameters[i].unit)) return 0;
  }
  for (i = 0; i < input_count; ++i) {
    if (!read_text(PyList_GET_ITEM(inputs, i), &self->inputs[i])) return 0;
  }
  self->parameter_count = (uint64_t)count;
  self->input_count = (uint64_t)input_count;
  self->coefficients = PyLong_AsUnsignedLongLong(PyTuple_GetItem(self->description, 4));
  self->accuracy = PyFloat_AsDouble(PyTuple_GetItem(self->description, 5));
  return !PyErr_Occurred();
}

static const void *get_extension(void *self, diph_string id);

#if PART_KIND > 2
static uint64_t parameter_count(void *self) { return ((instance *)self)->parameter_count; }
static const diph_parameter *parameters(void *self) { return ((instance *)self)->parameters; }
#endif

#if PART_KIND == 1
static const diph_space *domain(void *self) { return &((instance *)self)->spaces[0]; }
static const diph_space *range(void *self) { return &((instance *)self)->spaces[1]; }

static int32_t map(instance *self, const char *name, const diph_tensor *from, diph_tensor *to, diph_error *error) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *arguments = Py_BuildValue("(ONN)", self->part, tensor_object(from, 0), tensor_object(to, 1));
  int32_t status = call(error, name, arguments, 0);
  PyGILState_Release(state);
  return status;
}

static int32_t forward(void *self, const diph_tensor *x, diph_tensor *y, diph_error *error) {
  return map((instance *)self, "forward", x, y, error);
}

static int32_t adjoint(void *self, const diph_tensor *y, diph_tensor *x, diph_error *error) {
  return map((instance *)self, "adjoint", y, x, error);
}

static int32_t get_weights(void *object, diph_tensor *roots, diph_error *error) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *arguments = Py_BuildValue("(ON)", ((instance *)object)->part, tensor_object(roots, 1));
  int32_t status = call(error, "weights", arguments, 0);
  PyGILState_Release(state);
  return status;
}

static const diph_operator_data_weights data_weights = {sizeof(diph_operator_data_weights), get_weights};
static const diph_operator_vtable vtable = {
    sizeof(diph_operator_vtable), destroy, get_extension, domain, range, forward, adjoint, 0,
};
#define KIND DIPH_KIND_FORWARD_OPERATOR
#define EXTENSION DIPH_OPERATOR_DATA_WEIGHTS
#define EXTENSION_STRUCT data_weights

#elif PART_KIND == 2
static int32_t denoise(void *self, const diph_tensor *noisy, float sigma, diph_tensor *clean, double *penalty,
                       const diph_prior_context *context, diph_error *error) {
  uint64_t seed[2] = {0, 0};
  PyGILState_STATE state;
  PyObject *arguments, *schedule, *value = 0;
  int32_t status;
  /* On the thread of the call, before any other code may run. */
  context->random_bits(context->random, seed, 2);
  state = PyGILState_Ensure();
  schedule = context->schedule == 0
                 ? Py_BuildValue("")
                 : Py_BuildValue("(KKd)", (unsigned long long)context->schedule->index,
                                 (unsigned long long)context->schedule->timestep, context->schedule->abar);
  arguments = Py_BuildValue("(ONdNNN(KK))", ((instance *)self)->part, tensor_object(noisy, 0), (double)sigma,
                            tensor_object(clean, 1), schedule, named_tensors(context->conditions, context->condition_count),
                            (unsigned long long)seed[0], (unsigned long long)seed[1]);
  status = call(error, "denoise", arguments, &value);
  if (status == DIPH_OK && penalty != 0) *penalty = PyFloat_AsDouble(value);
  PyErr_Clear();
  Py_XDECREF(value);
  PyGILState_Release(state);
  return status;
}

static int32_t get_accuracy(void *self, float *accuracy, diph_error *error) {
  (void)error;
  *accuracy = (float)((instance *)self)->accuracy;
  return *accuracy < 0.0f ? DIPH_UNSUPPORTED : DIPH_OK;
}

static const diph_prior_proximal proximal = {sizeof(diph_prior_proximal), get_accuracy};
static const diph_prior_vtable vtable = {sizeof(diph_prior_vtable), destroy, get_extension, denoise};
#define KIND DIPH_KIND_PRIOR
#define EXTENSION DIPH_PRIOR_PROXIMAL
#define EXTENSION_STRUCT proximal

#elif PART_KIND == 3
static uint64_t coefficients(void *self) { return ((instance *)self)->coefficients; }

static int32_t project(void *self, const diph_tensor *x, diph_tensor *z, diph_tensor *values, diph_tensor *amplitude,
                       diph_error *error) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *arguments = Py_BuildValue("(ONNNN)", ((instance *)self)->part, tensor_object(x, 0), tensor_object(z, 1),
                                      tensor_object(values, 1), tensor_object(amplitude, 1));
  int32_t status = call(error, "project", arguments, 0);
  PyGILState_Release(state);
  return status;
}

static const diph_projector_vtable vtable = {
    sizeof(diph_projector_vtable), destroy, get_extension, coefficients, parameter_count, parameters, project,
};
#define KIND DIPH_KIND_PHYSICS_PROJECTOR

#else
static uint64_t input_count(void *self) { return ((instance *)self)->input_count; }
static const diph_string *inputs(void *self) { return ((instance *)self)->inputs; }

static int32_t estimate(void *self, const diph_named_tensor *images, uint64_t count, diph_tensor *image, diph_tensor *values,
                        diph_tensor *amplitude, diph_error *error) {
  PyGILState_STATE state = PyGILState_Ensure();
  PyObject *arguments = Py_BuildValue("(ONNNN)", ((instance *)self)->part, named_tensors(images, count), tensor_object(image, 1),
                                      tensor_object(values, 1), tensor_object(amplitude, 1));
  int32_t status = call(error, "estimate", arguments, 0);
  PyGILState_Release(state);
  return status;
}

static const diph_estimator_vtable vtable = {
    sizeof(diph_estimator_vtable), destroy, get_extension, input_count, inputs, parameter_count, parameters, estimate,
};
#define KIND DIPH_KIND_ESTIMATOR
#endif

static const void *get_extension(void *self, diph_string id) {
  (void)self, (void)id;
#ifdef EXTENSION
  if (diph_string_equals(id, EXTENSION)) return &EXTENSION_STRUCT;
#endif
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- factory */

/* Facts as (image, voxel_size, fourier_scale, coefficients, coils, frames, samples), 0 for what is not known. */
static PyObject *facts_of(const diph_acquisition *given) {
  PyObject *image = PyList_New(0), *voxel = PyList_New(0);
  uint32_t i;
  for (i = 0; image != 0 && voxel != 0 && i < given->image_ndim && i < 3; ++i) {
    PyObject *length = PyLong_FromUnsignedLongLong(given->image[i]), *edge = PyFloat_FromDouble(given->voxel_size[i]);
    if (length != 0 && edge != 0) PyList_Append(image, length), PyList_Append(voxel, edge);
    Py_XDECREF(length);
    Py_XDECREF(edge);
  }
  return Py_BuildValue("(NNiKKKK)", image, voxel, (int)given->fourier_scale, (unsigned long long)given->coefficients,
                       (unsigned long long)given->coils, (unsigned long long)given->frames, (unsigned long long)given->samples);
}

static int32_t create_in_python(instance *self, diph_string options_json, const diph_acquisition *given, diph_error *error) {
  PyObject *created = 0;
  PyObject *arguments = Py_BuildValue("(s#NN)", options_json.data, (Py_ssize_t)options_json.length,
                                      named_tensors(given->arrays, given->array_count), facts_of(given));
  int32_t status = call(error, "create", arguments, &created);
  if (status != DIPH_OK) {
    Py_XDECREF(created);
    return status;
  }
  self->part = PyTuple_GetItem(created, 0);
  self->description = PyTuple_GetItem(created, 1);
  Py_XINCREF(self->part);
  Py_XINCREF(self->description);
  Py_DECREF(created);
  if (self->part == 0 || self->description == 0 || !read_description(self)) {
    char text[512];
    describe_exception(text, sizeof text);
    return diph_fail(error, DIPH_ERROR, text);
  }
  return DIPH_OK;
}

static int32_t create(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                      diph_instance *created, diph_error *error) {
  const diph_acquisition given = diph_read_acquisition(acquisition);
  instance *self;
  PyGILState_STATE state;
  int32_t status;
  (void)host, (void)id;
  pthread_once(&once, start);
  if (start_failure[0] != 0) return diph_fail(error, DIPH_ERROR, start_failure);
  self = (instance *)calloc(1, sizeof *self);
  if (self == 0) return diph_fail(error, DIPH_ERROR, "out of memory");
  state = PyGILState_Ensure();
  status = create_in_python(self, options_json, &given, error);
  PyGILState_Release(state);
  if (status != DIPH_OK) {
    destroy(self);
    return status;
  }
  created->vtable = &vtable;
  created->self = self;
  return DIPH_OK;
}

static const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING(PART_ID),
    DIPH_STRING(PART_NAME),
    DIPH_STRING(PART_VERSION),
    DIPH_STRING(KIND),
    DIPH_STRING(PART_SUMMARY),
    DIPH_STRING(PART_OPTIONS),
    DIPH_STRING(PART_EXAMPLE),
    DIPH_STRING(PART_REQUIREMENTS),
}};

DIPH_EXPORT_COMPONENTS(descriptors, create);
