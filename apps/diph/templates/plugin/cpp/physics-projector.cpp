/* The projector `template.part`: the nearest signal that the physics allows, and its parameters. What stands here, the comparison with
 * every atom of the dictionary, is exact and slow: a reference that a faster one of yours can be compared with.
 * diph_plugin.h says what every function has to keep to. */
#include <complex>
#include <exception>
#include <vector>

#include "diph_options.h"

namespace {

using Complex = std::complex<float>;

/* A copy of what a tensor of the acquisition holds: it is borrowed for the call alone. */
std::vector<float> values_of(const diph_tensor *tensor) {
  if (tensor == nullptr) return {};
  const auto *first = static_cast<const float *>(tensor->data);
  return std::vector<float>(first, first + diph_elements(tensor));
}

/* A dictionary entry, and the factor by which it comes nearest to a voxel. */
struct Match {
  uint64_t atom;
  Complex factor;
};

struct Dictionary {
  uint64_t atoms, coefficients, parameters;
  std::vector<float> atom;  /* (atom, coefficient) */
  std::vector<float> norm;  /* (atom): norms of the signals before they were normalised, empty for ones */
  std::vector<float> table; /* (atom, parameter): T1 and T2 in s, and possibly more */

  /* The entry nearest to the voxel at `x`, whose coefficients are `stride` numbers apart. */
  Match nearest(const Complex *x, uint64_t stride) const {
    Match found = {0, Complex()};
    float best = -1.0f;
    for (uint64_t a = 0; a < atoms; ++a) {
      const float *signal = atom.data() + a * coefficients;
      Complex product;
      float square = 0.0f;
      for (uint64_t k = 0; k < coefficients; ++k) {
        product += signal[k] * x[k * stride];
        square += signal[k] * signal[k];
      }
      if (square > 0.0f && std::norm(product) / square > best) {
        best = std::norm(product) / square;
        found = {a, product / square};
      }
    }
    return found;
  }

  /* Writes T1, T2 and the amplitude of pixel `i`; a voxel of zeros gets zeros. */
  void write_maps(const Match &found, uint64_t i, uint64_t pixels, diph_tensor *values, diph_tensor *amplitude) const {
    for (uint64_t p = 0; p < 2; ++p) {
      const float value = found.factor == Complex() ? 0.0f : table[found.atom * parameters + p];
      static_cast<float *>(values->data)[p * pixels + i] = value;
    }
    static_cast<Complex *>(amplitude->data)[i] = found.factor / (norm.empty() ? 1.0f : norm[found.atom]);
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

void destroy(void *self) { delete static_cast<Dictionary *>(self); }

uint64_t parameter_count(void *) { return 2; }

const diph_parameter *parameters(void *) {
  static const diph_parameter names[2] = {{DIPH_STRING("T1"), DIPH_STRING("s")}, {DIPH_STRING("T2"), DIPH_STRING("s")}};
  return names;
}

uint64_t coefficients(void *self) { return static_cast<Dictionary *>(self)->coefficients; }

/* z = the projection of every voxel of x. Called by several threads at once: write to z and the maps only. */
int32_t project(void *object, const diph_tensor *x, diph_tensor *z, diph_tensor *values, diph_tensor *amplitude, diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    const auto *self = static_cast<const Dictionary *>(object);
    if (x->ndim == 0 || x->shape[0] != self->coefficients || !diph_same_shape(x, z)) {
      return diph_fail(error, DIPH_ERROR_SHAPE, "expected two images of the dictionary's coefficients");
    }
    const uint64_t pixels = diph_elements(x) / self->coefficients;
    for (uint64_t i = 0; i < pixels; ++i) {
      const Match found = self->nearest(static_cast<const Complex *>(x->data) + i, pixels);
      for (uint64_t k = 0; k < self->coefficients; ++k) {
        static_cast<Complex *>(z->data)[k * pixels + i] = found.factor * self->atom[found.atom * self->coefficients + k];
      }
      if (values != nullptr) self->write_maps(found, i, pixels, values, amplitude);
    }
    return DIPH_OK;
  });
}

const diph_projector_vtable vtable = {
    sizeof(diph_projector_vtable), destroy, nullptr, coefficients, parameter_count, parameters, project,
};

int32_t create(const diph_host *, diph_string, diph_string options_json, const diph_acquisition *acquisition,
               diph_instance *instance, diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    const diph_acquisition given = diph_read_acquisition(acquisition);
    const diph_tensor *atoms = nullptr, *norms = nullptr, *table = nullptr;
    int32_t status = diph_read_options(options_json, nullptr, 0, error); /* it has no options */
    if (status == DIPH_OK) status = diph_required_array(&given, "atoms", DIPH_F32, 2, &atoms, error);
    if (status == DIPH_OK) status = diph_required_array(&given, "lut", DIPH_F32, 2, &table, error);
    if (status == DIPH_OK) status = diph_optional_array(&given, "norms", DIPH_F32, 1, &norms, error);
    if (status != DIPH_OK) return status;
    if (table->shape[0] != atoms->shape[0] || table->shape[1] < 2 || (norms != nullptr && norms->shape[0] != atoms->shape[0])) {
      return diph_fail(error, DIPH_ERROR_ARGUMENT,
                       "expected as many rows in `lut` and `norms` as in `atoms`, and T1 and T2 in `lut`");
    }
    instance->self = new Dictionary{atoms->shape[0],  atoms->shape[1],  table->shape[1],
                                    values_of(atoms), values_of(norms), values_of(table)};
    instance->vtable = &vtable;
    return DIPH_OK;
  });
}

const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_PHYSICS_PROJECTOR),
    DIPH_STRING("Nearest signal of the dictionary, by comparison with all"),
    DIPH_STRING(R"({"type": "object", "properties": {}, "additionalProperties": false})"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING(R"({"options": {}, "image": [3, 5, 4], "arrays": {
        "atoms": {"shape": [20, 3], "dtype": "f32", "low": -1.0, "high": 1.0},
        "lut": {"shape": [20, 2], "dtype": "f32", "low": 0.1, "high": 2.0}}})"),
    /* What it needs of the acquisition; it takes planes and volumes. */
    DIPH_STRING(R"({"arrays": ["atoms", "lut"], "optional_arrays": ["norms"], "spatial_axes": [2, 3]})"),
}};

}  // namespace

DIPH_EXPORT_COMPONENTS(descriptors, create);
