/* The operator `template.part`: from images (coefficient, y, x) to k-space (coil, frame, sample). What stands here, direct sums for
 * one coil, is exact and slow: a reference that a faster one of yours can be compared with.
 * diph_plugin.h says what every function has to keep to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "diph_options.h"

static const double two_pi = 6.283185307179586;

/* An instance: copies of what the acquisition lent. */
typedef struct operator {
  uint64_t frames, samples, coefficients, height, width;
  double *trajectory; /* (frame, sample, 2): positions (ky, kx) in cycles per pixel */
  float *basis;       /* (frame, coefficient) */
  float *roots;       /* (frame, sample): sqrt(w), null for data without weights */
  float scale;        /* factor in front of the sum */
  diph_axis image_axes[3], kspace_axes[3];
  diph_space image, kspace;
} operator;

static void destroy(void *object) {
  operator *self = object;
  free(self->trajectory);
  free(self->basis);
  free(self->roots);
  free(self);
}

static const diph_space *domain(void *self) { return &((operator *)self)->image; }
static const diph_space *range(void *self) { return &((operator *)self)->kspace; }

/* exp(-2 pi i k (r - n/2)) for every r, as pairs (re, im). */
static void wave(double k, uint64_t n, float *out) {
  for (uint64_t r = 0; r < n; ++r) {
    const double angle = -two_pi * k * ((double)r - (double)(n / 2));
    out[2 * r] = (float)cos(angle);
    out[2 * r + 1] = (float)sin(angle);
  }
}

/* One sample of the image of a frame: y = sum over rows and columns of image * row * column. */
static void sample_of(const operator *self, const float *frame, const float *rows, const float *columns, float *sample) {
  float re = 0, im = 0;
  for (uint64_t y = 0; y < self->height; ++y) {
    const float *line = frame + 2 * y * self->width;
    float sum_re = 0, sum_im = 0;
    for (uint64_t x = 0; x < self->width; ++x) {
      sum_re += columns[2 * x] * line[2 * x] - columns[2 * x + 1] * line[2 * x + 1];
      sum_im += columns[2 * x] * line[2 * x + 1] + columns[2 * x + 1] * line[2 * x];
    }
    re += rows[2 * y] * sum_re - rows[2 * y + 1] * sum_im;
    im += rows[2 * y] * sum_im + rows[2 * y + 1] * sum_re;
  }
  sample[0] = re;
  sample[1] = im;
}

/* Its adjoint: image += sample * conj(row * column). */
static void spread(const operator *self, const float *sample, const float *rows, const float *columns, float *frame) {
  for (uint64_t y = 0; y < self->height; ++y) {
    float *line = frame + 2 * y * self->width;
    const float re = rows[2 * y] * sample[0] + rows[2 * y + 1] * sample[1];
    const float im = rows[2 * y] * sample[1] - rows[2 * y + 1] * sample[0];
    for (uint64_t x = 0; x < self->width; ++x) {
      line[2 * x] += columns[2 * x] * re + columns[2 * x + 1] * im;
      line[2 * x + 1] += columns[2 * x] * im - columns[2 * x + 1] * re;
    }
  }
}

/* y = A x where `is_forward`, otherwise x = A^H y; frame by frame, since frame t sees sum_k basis[t,k] x_k. */
static int32_t apply(const operator *self, float *x, float *y, int is_forward, diph_error *error) {
  const uint64_t numbers = 2 * self->height * self->width;
  float *frame = malloc((size_t)(numbers + 2 * self->height + 2 * self->width) * sizeof(float));
  if (frame == 0) return diph_fail(error, DIPH_ERROR, "out of memory");
  float *rows = frame + numbers, *columns = rows + 2 * self->height;
  if (!is_forward) memset(x, 0, (size_t)(self->coefficients * numbers) * sizeof(float));
  for (uint64_t t = 0; t < self->frames; ++t) {
    const float *basis = self->basis + t * self->coefficients;
    memset(frame, 0, (size_t)numbers * sizeof(float));
    for (uint64_t k = 0; is_forward && k < self->coefficients; ++k) {
      for (uint64_t i = 0; i < numbers; ++i) frame[i] += basis[k] * x[k * numbers + i];
    }
    for (uint64_t place = t * self->samples; place < (t + 1) * self->samples; ++place) {
      const float factor = self->scale * (self->roots != 0 ? self->roots[place] : 1.0f);
      float sample[2] = {factor * y[2 * place], factor * y[2 * place + 1]};
      wave(self->trajectory[2 * place], self->height, rows);
      wave(self->trajectory[2 * place + 1], self->width, columns);
      if (!is_forward) {
        spread(self, sample, rows, columns, frame);
        continue;
      }
      sample_of(self, frame, rows, columns, sample);
      y[2 * place] = factor * sample[0];
      y[2 * place + 1] = factor * sample[1];
    }
    for (uint64_t k = 0; !is_forward && k < self->coefficients; ++k) {
      for (uint64_t i = 0; i < numbers; ++i) x[k * numbers + i] += basis[k] * frame[i];
    }
  }
  free(frame);
  return DIPH_OK;
}

/* Whether a tensor has the lengths of a space: memory is written by them. */
static int fits(const diph_tensor *tensor, const diph_space *space) {
  int same = diph_tensor_is(tensor, DIPH_C64, (uint32_t)space->count);
  for (uint64_t i = 0; same && i < space->count; ++i) same = tensor->shape[i] == space->axes[i].length;
  return same;
}

static int32_t forward(void *object, const diph_tensor *x, diph_tensor *y, diph_error *error) {
  const operator *self = object;
  if (!fits(x, &self->image) || !fits(y, &self->kspace)) return diph_fail(error, DIPH_ERROR_SHAPE, "expected x of the domain, y of the range");
  memset(y->data, 0, (size_t)diph_elements(y) * 2 * sizeof(float));
  return apply(self, x->data, y->data, 1, error);
}

static int32_t adjoint(void *object, const diph_tensor *y, diph_tensor *x, diph_error *error) {
  const operator *self = object;
  if (!fits(x, &self->image) || !fits(y, &self->kspace)) return diph_fail(error, DIPH_ERROR_SHAPE, "expected y of the range, x of the domain");
  return apply(self, x->data, y->data, 0, error);
}

/* sqrt(w), by which the host multiplies measured data. */
static int32_t get_weights(void *object, diph_tensor *roots, diph_error *error) {
  const operator *self = object;
  (void)error;
  if (self->roots == 0) return DIPH_UNSUPPORTED;
  memcpy(roots->data, self->roots, (size_t)(self->frames * self->samples) * sizeof(float));
  return DIPH_OK;
}

static const diph_operator_data_weights data_weights = {sizeof(diph_operator_data_weights), get_weights};

static const void *get_extension(void *self, diph_string id) {
  (void)self;
  return diph_string_equals(id, DIPH_OPERATOR_DATA_WEIGHTS) ? &data_weights : 0;
}

/* A null in place of `normal`: the host composes A^H A of the two. */
static const diph_operator_vtable vtable = {
    sizeof(diph_operator_vtable), destroy, get_extension, domain, range, forward, adjoint, 0,
};

/* A copy of a tensor's values; null without memory. */
static void *copy_of(const diph_tensor *tensor, size_t element) {
  const size_t bytes = (size_t)diph_elements(tensor) * element;
  void *copy = malloc(bytes);
  if (copy != 0) memcpy(copy, tensor->data, bytes);
  return copy;
}

static int32_t create(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                      diph_instance *instance, diph_error *error) {
  const diph_acquisition given = diph_read_acquisition(acquisition);
  const diph_tensor *trajectory, *basis, *weights;
  operator *self;
  int32_t status = diph_read_options(options_json, 0, 0, error); /* it has no options */
  (void)host, (void)id;
  if (status == DIPH_OK) status = diph_required_array(&given, "trajectory", DIPH_F64, 3, &trajectory, error);
  if (status == DIPH_OK) status = diph_required_array(&given, "basis", DIPH_F32, 2, &basis, error);
  if (status == DIPH_OK) status = diph_optional_array(&given, "weights", DIPH_F32, 2, &weights, error);
  if (status != DIPH_OK) return status;
  if (trajectory->shape[2] != 2 || given.image_ndim != 2) {
    return diph_fail(error, DIPH_ERROR_ARGUMENT, "expected a plane, and positions (ky, kx) in it");
  }
  if (basis->shape[0] != trajectory->shape[0]) {
    return diph_failf(error, DIPH_ERROR_ARGUMENT, "array `basis`: expected %lu frames, as of `trajectory`, got %lu",
                      (unsigned long)trajectory->shape[0], (unsigned long)basis->shape[0]);
  }
  if (weights != 0 && (weights->shape[0] != trajectory->shape[0] || weights->shape[1] != trajectory->shape[1])) {
    return diph_fail(error, DIPH_ERROR_ARGUMENT, "array `weights`: expected as many frames and samples as `trajectory` has");
  }
  self = calloc(1, sizeof *self);
  if (self == 0) return diph_fail(error, DIPH_ERROR, "out of memory");
  self->frames = trajectory->shape[0];
  self->samples = trajectory->shape[1];
  self->coefficients = basis->shape[1];
  self->height = given.image[0];
  self->width = given.image[1];
  self->scale = 1.0f / sqrtf((float)(self->height * self->width));
  if (given.fourier_scale == DIPH_FOURIER_TWICE_OVERSAMPLED) self->scale *= 0.5f;
  self->trajectory = copy_of(trajectory, sizeof(double));
  self->basis = copy_of(basis, sizeof(float));
  self->roots = weights != 0 ? copy_of(weights, sizeof(float)) : 0;
  if (self->trajectory == 0 || self->basis == 0 || (weights != 0 && self->roots == 0)) {
    destroy(self);
    return diph_fail(error, DIPH_ERROR, "out of memory");
  }
  for (uint64_t i = 0; self->roots != 0 && i < self->frames * self->samples; ++i) self->roots[i] = sqrtf(self->roots[i]);
  const diph_axis image[3] = {
      {DIPH_STRING("coefficient"), self->coefficients}, {DIPH_STRING("y"), self->height}, {DIPH_STRING("x"), self->width}};
  const diph_axis kspace[3] = {
      {DIPH_STRING("coil"), 1}, {DIPH_STRING("frame"), self->frames}, {DIPH_STRING("sample"), self->samples}};
  memcpy(self->image_axes, image, sizeof image);
  memcpy(self->kspace_axes, kspace, sizeof kspace);
  self->image = (diph_space){sizeof(diph_space), self->image_axes, 3};
  self->kspace = (diph_space){sizeof(diph_space), self->kspace_axes, 3};
  instance->vtable = &vtable;
  instance->self = self;
  return DIPH_OK;
}

static const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_FORWARD_OPERATOR),
    DIPH_STRING("Non-uniform Fourier transform of a plane by direct sums, one coil"),
    DIPH_STRING("{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING("{\"options\": {}, \"facts\": {\"image\": [6, 5]}, \"arrays\": {"
                "\"trajectory\": {\"shape\": [3, 7, 2], \"dtype\": \"f64\", \"low\": -0.5, \"high\": 0.5}, "
                "\"basis\": {\"shape\": [3, 2], \"dtype\": \"f32\", \"low\": -1.0, \"high\": 1.0}, "
                "\"weights\": {\"shape\": [3, 7], \"dtype\": \"f32\", \"low\": 0.1, \"high\": 2.0}}}"),
    /* What it needs of the acquisition. */
    DIPH_STRING("{\"arrays\": [\"trajectory\", \"basis\"], \"optional_arrays\": [\"weights\"], \"facts\": [\"image\"], "
                "\"optional_facts\": [\"fourier_scale\"]}"),
}};

DIPH_EXPORT_COMPONENTS(descriptors, create);
