/* The prior `template.part`. What stands here, soft thresholding, is a placeholder: change `Prior::denoise` into your own.
 * diph_plugin.h says what every function has to keep to. */
#include <cmath>
#include <complex>
#include <exception>

#include "diph_options.h"

namespace {

using Complex = std::complex<float>;

struct Prior {
  double weight;

  /* The proximal map of sigma^2 R for R(x) = weight * sum |x_i|: every magnitude shrinks by weight * sigma^2. Gives R(clean).
   * Called by several threads at once: const, and without anything that is shared. */
  double denoise(const Complex *noisy, uint64_t count, float sigma, Complex *clean) const {
    const float threshold = static_cast<float>(weight) * sigma * sigma;
    double sum = 0.0;
    for (uint64_t i = 0; i < count; ++i) {
      const float magnitude = std::abs(noisy[i]);
      const float keep = magnitude > threshold ? 1.0f - threshold / magnitude : 0.0f;
      clean[i] = keep * noisy[i];
      sum += keep * magnitude;
    }
    return weight * sum;
  }
};

/* Runs `body`. No exception may leave a plugin: it becomes a status and a message. */
template <class Body>
int32_t guarded(diph_error *error, Body body) {
  try {
    return body();
  } catch (const std::exception &thrown) {
    return diph_fail(error, DIPH_ERROR, thrown.what());
  } catch (...) {
    return diph_fail(error, DIPH_ERROR, "an exception of an unknown type");
  }
}

void destroy(void *self) { delete static_cast<Prior *>(self); }

int32_t denoise(void *self, const diph_tensor *noisy, float sigma, diph_tensor *clean, double *penalty,
                const diph_prior_context *, diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    if (!diph_same_shape(noisy, clean)) return diph_fail(error, DIPH_ERROR_SHAPE, "expected two images of one shape");
    const auto *in = static_cast<const Complex *>(noisy->data); /* (coefficient, [z,] y, x) */
    const double value = static_cast<const Prior *>(self)->denoise(in, diph_elements(noisy), sigma, static_cast<Complex *>(clean->data));
    if (penalty != nullptr) *penalty = value;
    return DIPH_OK;
  });
}

/* Says how exactly `denoise` is a proximal map, so that `diph plugin check` tries the laws of one. Leave it out (a null in place of
 * `get_extension` below) for a denoiser that is none. */
int32_t accuracy(void *, float *value, diph_error *) {
  *value = 1e-5f;
  return DIPH_OK;
}

const diph_prior_proximal proximal = {sizeof(diph_prior_proximal), accuracy};

const void *get_extension(void *, diph_string id) {
  return diph_string_equals(id, DIPH_PRIOR_PROXIMAL) ? &proximal : nullptr;
}

const diph_prior_vtable vtable = {sizeof(diph_prior_vtable), destroy, get_extension, denoise};

int32_t create(const diph_host *, diph_string, diph_string options_json, const diph_acquisition *, diph_instance *instance,
               diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    double weight = 1.0;
    const diph_option known[] = {DIPH_NUMBER("weight", &weight)};
    const int32_t status = DIPH_READ_OPTIONS(options_json, known, error);
    if (status != DIPH_OK) return status;
    if (!(weight >= 0.0)) return diph_failf(error, DIPH_ERROR_ARGUMENT, "option `weight`: expected 0 or more, got %g", weight);
    instance->self = new Prior{weight};
    instance->vtable = &vtable;
    return DIPH_OK;
  });
}

const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_PRIOR),
    DIPH_STRING("Soft thresholding of magnitudes"),
    /* Options as JSON schema; `diph plugin info` shows them. */
    DIPH_STRING(R"({"type": "object", "additionalProperties": false, "properties": {
        "weight": {"type": "number", "minimum": 0, "default": 1, "description": "Weight of the penalty"}}})"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING(R"({"options": {"weight": 0.5}, "image": [3, 9, 8]})"),
    /* What it needs: nothing of the acquisition; it takes planes and volumes. */
    DIPH_STRING(R"({"spatial_axes": [2, 3]})"),
}};

}  // namespace

DIPH_EXPORT_COMPONENTS(descriptors, create);
