/* The projector `template.part`: the nearest signal that the physics allows, and its parameters. What stands here, the comparison with
 * every atom of the dictionary, is exact and slow: a reference that a faster one of yours can be compared with.
 * diph_plugin.h says what every function has to keep to. */
#include <stdlib.h>
#include <string.h>

#include "diph_options.h"

/* An instance: the dictionary. */
typedef struct dictionary {
  uint64_t atoms, coefficients, parameters;
  float *atom;  /* (atom, coefficient) */
  float *norm;  /* (atom): norms of the signals before they were normalised, null for ones */
  float *table; /* (atom, parameter): T1 and T2 in s, and possibly more */
} dictionary;

static void destroy(void *object) {
  dictionary *self = object;
  free(self->atom);
  free(self->norm);
  free(self->table);
  free(self);
}

/* The atom that comes nearest to the voxel `x` (pairs (re, im), `stride` numbers apart), and the factor by which it does. */
static uint64_t nearest(const dictionary *self, const float *x, uint64_t stride, float factor[2]) {
  float best = -1.0f;
  uint64_t chosen = 0;
  for (uint64_t a = 0; a < self->atoms; ++a) {
    const float *atom = self->atom + a * self->coefficients;
    float re = 0, im = 0, square = 0;
    for (uint64_t k = 0; k < self->coefficients; ++k) {
      re += atom[k] * x[k * stride];
      im += atom[k] * x[k * stride + 1];
      square += atom[k] * atom[k];
    }
    if (square > 0 && (re * re + im * im) / square > best) {
      best = (re * re + im * im) / square;
      chosen = a;
      factor[0] = re / square;
      factor[1] = im / square;
    }
  }
  return chosen;
}

/* Writes T1, T2 and the amplitude of pixel `i`; a voxel of zeros gets zeros. */
static void write_maps(const dictionary *self, uint64_t atom, const float factor[2], uint64_t i, uint64_t pixels,
                       const diph_tensor *values, const diph_tensor *amplitude) {
  const int is_empty = factor[0] == 0 && factor[1] == 0;
  const float norm = self->norm != 0 ? self->norm[atom] : 1.0f;
  for (uint64_t p = 0; p < 2; ++p) {
    ((float *)values->data)[p * pixels + i] = is_empty ? 0.0f : self->table[atom * self->parameters + p];
  }
  ((float *)amplitude->data)[2 * i] = factor[0] / norm;
  ((float *)amplitude->data)[2 * i + 1] = factor[1] / norm;
}

static uint64_t parameter_count(void *self) {
  (void)self;
  return 2;
}

static const diph_parameter *parameters(void *self) {
  static const diph_parameter names[2] = {{DIPH_STRING("T1"), DIPH_STRING("s")}, {DIPH_STRING("T2"), DIPH_STRING("s")}};
  (void)self;
  return names;
}

static uint64_t coefficients(void *self) { return ((dictionary *)self)->coefficients; }

/* z = the projection of every voxel of x. Called by several threads at once: write to z and the maps only. */
static int32_t project(void *object, const diph_tensor *x, diph_tensor *z, diph_tensor *values, diph_tensor *amplitude,
                       diph_error *error) {
  const dictionary *self = object;
  if (x->ndim == 0 || x->shape[0] != self->coefficients || !diph_same_shape(x, z)) {
    return diph_failf(error, DIPH_ERROR_SHAPE, "expected two images of %lu coefficients", (unsigned long)self->coefficients);
  }
  const uint64_t pixels = diph_elements(x) / self->coefficients;
  for (uint64_t i = 0; i < pixels; ++i) {
    float factor[2] = {0, 0};
    const uint64_t atom = nearest(self, (const float *)x->data + 2 * i, 2 * pixels, factor);
    for (uint64_t k = 0; k < self->coefficients; ++k) {
      float *place = (float *)z->data + 2 * (k * pixels + i);
      place[0] = factor[0] * self->atom[atom * self->coefficients + k];
      place[1] = factor[1] * self->atom[atom * self->coefficients + k];
    }
    if (values != 0) write_maps(self, atom, factor, i, pixels, values, amplitude);
  }
  return DIPH_OK;
}

static const diph_projector_vtable vtable = {
    sizeof(diph_projector_vtable), destroy, 0, coefficients, parameter_count, parameters, project,
};

/* A copy of a tensor of f32; null without memory. */
static float *copy_of(const diph_tensor *tensor) {
  const size_t bytes = (size_t)diph_elements(tensor) * sizeof(float);
  float *copy = malloc(bytes);
  if (copy != 0) memcpy(copy, tensor->data, bytes);
  return copy;
}

static int32_t create(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                      diph_instance *instance, diph_error *error) {
  const diph_acquisition given = diph_read_acquisition(acquisition);
  const diph_tensor *atoms, *norms, *table;
  dictionary *self;
  int32_t status = diph_read_options(options_json, 0, 0, error); /* it has no options */
  (void)host, (void)id;
  if (status == DIPH_OK) status = diph_required_array(&given, "atoms", DIPH_F32, 2, &atoms, error);
  if (status == DIPH_OK) status = diph_required_array(&given, "lut", DIPH_F32, 2, &table, error);
  if (status == DIPH_OK) status = diph_optional_array(&given, "norms", DIPH_F32, 1, &norms, error);
  if (status != DIPH_OK) return status;
  if (table->shape[0] != atoms->shape[0] || table->shape[1] < 2 || (norms != 0 && norms->shape[0] != atoms->shape[0])) {
    return diph_fail(error, DIPH_ERROR_ARGUMENT, "expected as many rows in `lut` and `norms` as in `atoms`, and T1 and T2 in `lut`");
  }
  self = calloc(1, sizeof *self);
  if (self == 0) return diph_fail(error, DIPH_ERROR, "out of memory");
  self->atoms = atoms->shape[0];
  self->coefficients = atoms->shape[1];
  self->parameters = table->shape[1];
  self->atom = copy_of(atoms);
  self->table = copy_of(table);
  self->norm = norms != 0 ? copy_of(norms) : 0;
  if (self->atom == 0 || self->table == 0 || (norms != 0 && self->norm == 0)) {
    destroy(self);
    return diph_fail(error, DIPH_ERROR, "out of memory");
  }
  instance->vtable = &vtable;
  instance->self = self;
  return DIPH_OK;
}

static const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_PHYSICS_PROJECTOR),
    DIPH_STRING("Nearest signal of the dictionary, by comparison with all"),
    DIPH_STRING("{\"type\": \"object\", \"properties\": {}, \"additionalProperties\": false}"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING("{\"options\": {}, \"image\": [3, 5, 4], \"arrays\": {"
                "\"atoms\": {\"shape\": [20, 3], \"dtype\": \"f32\", \"low\": -1.0, \"high\": 1.0}, "
                "\"lut\": {\"shape\": [20, 2], \"dtype\": \"f32\", \"low\": 0.1, \"high\": 2.0}}}"),
    /* What it needs of the acquisition; it takes planes and volumes. */
    DIPH_STRING("{\"arrays\": [\"atoms\", \"lut\"], \"optional_arrays\": [\"norms\"], \"spatial_axes\": [2, 3]}"),
}};

DIPH_EXPORT_COMPONENTS(descriptors, create);
