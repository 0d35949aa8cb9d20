/* The prior `template.part`. What stands here, soft thresholding, is a placeholder: change `denoise` into your own.
 * diph_plugin.h says what every function has to keep to. */
#include <math.h>
#include <stdlib.h>

#include "diph_options.h"

/* An instance: what the options say. */
typedef struct prior {
  double weight;
} prior;

static void destroy(void *self) { free(self); }

/* The proximal map of sigma^2 R for R(x) = weight * sum |x_i|: every magnitude shrinks by weight * sigma^2.
 * Called by several threads at once: write to `clean` and `penalty` only. */
static int32_t denoise(void *self, const diph_tensor *noisy, float sigma, diph_tensor *clean, double *penalty,
                       const diph_prior_context *context, diph_error *error) {
  const double weight = ((const prior *)self)->weight;
  const float *in = (const float *)noisy->data; /* pairs (re, im) along (coefficient, [z,] y, x) */
  float *out = (float *)clean->data;
  const float threshold = (float)weight * sigma * sigma;
  double sum = 0.0;
  (void)context;
  if (!diph_same_shape(noisy, clean)) return diph_fail(error, DIPH_ERROR_SHAPE, "expected two images of one shape");
  for (uint64_t i = 0; i < diph_elements(noisy); ++i) {
    const float magnitude = hypotf(in[2 * i], in[2 * i + 1]);
    const float keep = magnitude > threshold ? 1.0f - threshold / magnitude : 0.0f;
    out[2 * i] = keep * in[2 * i];
    out[2 * i + 1] = keep * in[2 * i + 1];
    sum += keep * magnitude;
  }
  if (penalty != 0) *penalty = weight * sum;
  return DIPH_OK;
}

/* Says how exactly `denoise` is a proximal map, so that `diph plugin check` tries the laws of one. Leave it out (a null in place of
 * `get_extension` below) for a denoiser that is none. */
static int32_t accuracy(void *self, float *value, diph_error *error) {
  (void)self, (void)error;
  *value = 1e-5f;
  return DIPH_OK;
}

static const diph_prior_proximal proximal = {sizeof(diph_prior_proximal), accuracy};

static const void *get_extension(void *self, diph_string id) {
  (void)self;
  return diph_string_equals(id, DIPH_PRIOR_PROXIMAL) ? &proximal : 0;
}

static const diph_prior_vtable vtable = {sizeof(diph_prior_vtable), destroy, get_extension, denoise};

static int32_t create(const diph_host *host, diph_string id, diph_string options_json, const diph_acquisition *acquisition,
                      diph_instance *instance, diph_error *error) {
  double weight = 1.0;
  const diph_option known[] = {DIPH_NUMBER("weight", &weight)};
  int32_t status = DIPH_READ_OPTIONS(options_json, known, error);
  prior *self;
  (void)host, (void)id, (void)acquisition;
  if (status != DIPH_OK) return status;
  if (!(weight >= 0.0)) return diph_failf(error, DIPH_ERROR_ARGUMENT, "option `weight`: expected 0 or more, got %g", weight);
  self = malloc(sizeof *self);
  if (self == 0) return diph_fail(error, DIPH_ERROR, "out of memory");
  self->weight = weight;
  instance->vtable = &vtable;
  instance->self = self;
  return DIPH_OK;
}

static const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_PRIOR),
    DIPH_STRING("Soft thresholding of magnitudes"),
    /* Options as JSON schema; `diph plugin info` shows them. */
    DIPH_STRING("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {"
                "\"weight\": {\"type\": \"number\", \"minimum\": 0, \"default\": 1, \"description\": \"Weight of the penalty\"}}}"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING("{\"options\": {\"weight\": 0.5}, \"image\": [3, 9, 8]}"),
    /* What it needs: nothing of the acquisition; it takes planes and volumes. */
    DIPH_STRING("{\"spatial_axes\": [2, 3]}"),
}};

DIPH_EXPORT_COMPONENTS(descriptors, create);
