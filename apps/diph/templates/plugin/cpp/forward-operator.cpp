/* The operator `template.part`: from images (coefficient, y, x) to k-space (coil, frame, sample). What stands here, direct sums for
 * one coil, is exact and slow: a reference that a faster one of yours can be compared with.
 * diph_plugin.h says what every function has to keep to. */
#include <algorithm>
#include <cmath>
#include <complex>
#include <exception>
#include <vector>

#include "diph_options.h"

namespace {

using Complex = std::complex<float>;

/* A copy of what a tensor of the acquisition holds: it is borrowed for the call alone. */
template <class Element>
std::vector<Element> values_of(const diph_tensor *tensor) {
  if (tensor == nullptr) return {};
  const auto *first = static_cast<const Element *>(tensor->data);
  return std::vector<Element>(first, first + diph_elements(tensor));
}

struct Operator {
  uint64_t frames, samples, coefficients, height, width;
  std::vector<double> trajectory; /* (frame, sample, 2): positions (ky, kx) in cycles per pixel */
  std::vector<float> basis;       /* (frame, coefficient) */
  std::vector<float> roots;       /* (frame, sample): sqrt(w), empty for data without weights */
  float scale;                    /* factor in front of the sum */
  diph_axis image_axes[3], kspace_axes[3];
  diph_space image, kspace;

  /* exp(-2 pi i k (r - n/2)) for every r. */
  static void wave(double k, std::vector<Complex> &out) {
    const double two_pi = 6.283185307179586, centre = static_cast<double>(out.size() / 2);
    for (size_t r = 0; r < out.size(); ++r) {
      out[r] = Complex(std::polar(1.0, -two_pi * k * (static_cast<double>(r) - centre)));
    }
  }

  /* y = A x where `is_forward`, otherwise x = A^H y; frame by frame, since frame t sees sum_k basis[t,k] x_k. Called by several
   * threads at once: const, with memory of its own. */
  void apply(Complex *x, Complex *y, bool is_forward) const {
    const uint64_t pixels = height * width;
    std::vector<Complex> frame(pixels), rows(height), columns(width);
    if (!is_forward) std::fill(x, x + coefficients * pixels, Complex());
    for (uint64_t t = 0; t < frames; ++t) {
      const float *v = basis.data() + t * coefficients;
      std::fill(frame.begin(), frame.end(), Complex());
      for (uint64_t k = 0; is_forward && k < coefficients; ++k) {
        for (uint64_t i = 0; i < pixels; ++i) frame[i] += v[k] * x[k * pixels + i];
      }
      for (uint64_t place = t * samples; place < (t + 1) * samples; ++place) {
        const float factor = scale * (roots.empty() ? 1.0f : roots[place]);
        wave(trajectory[2 * place], rows);
        wave(trajectory[2 * place + 1], columns);
        Complex sum;
        for (uint64_t i = 0; i < pixels; ++i) {
          const Complex wave = rows[i / width] * columns[i % width];
          if (is_forward) {
            sum += wave * frame[i];
          } else {
            frame[i] += std::conj(wave) * factor * y[place];
          }
        }
        if (is_forward) y[place] = factor * sum;
      }
      for (uint64_t k = 0; !is_forward && k < coefficients; ++k) {
        for (uint64_t i = 0; i < pixels; ++i) x[k * pixels + i] += v[k] * frame[i];
      }
    }
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

void destroy(void *self) { delete static_cast<Operator *>(self); }
const diph_space *domain(void *self) { return &static_cast<Operator *>(self)->image; }
const diph_space *range(void *self) { return &static_cast<Operator *>(self)->kspace; }

/* Whether a tensor has the lengths of a space: memory is written by them. */
bool fits(const diph_tensor *tensor, const diph_space &space) {
  if (!diph_tensor_is(tensor, DIPH_C64, static_cast<uint32_t>(space.count))) return false;
  for (uint64_t i = 0; i < space.count; ++i) {
    if (tensor->shape[i] != space.axes[i].length) return false;
  }
  return true;
}

int32_t apply(void *object, const diph_tensor *x, const diph_tensor *y, bool is_forward, diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    const auto *self = static_cast<const Operator *>(object);
    if (!fits(x, self->image) || !fits(y, self->kspace)) {
      return diph_fail(error, DIPH_ERROR_SHAPE, "expected an image of the domain and samples of the range");
    }
    self->apply(static_cast<Complex *>(x->data), static_cast<Complex *>(y->data), is_forward);
    return DIPH_OK;
  });
}

int32_t forward(void *self, const diph_tensor *x, diph_tensor *y, diph_error *error) { return apply(self, x, y, true, error); }
int32_t adjoint(void *self, const diph_tensor *y, diph_tensor *x, diph_error *error) { return apply(self, x, y, false, error); }

/* sqrt(w), by which the host multiplies measured data. */
int32_t get_weights(void *object, diph_tensor *roots, diph_error *) {
  const auto *self = static_cast<const Operator *>(object);
  if (self->roots.empty()) return DIPH_UNSUPPORTED;
  std::copy(self->roots.begin(), self->roots.end(), static_cast<float *>(roots->data));
  return DIPH_OK;
}

const diph_operator_data_weights data_weights = {sizeof(diph_operator_data_weights), get_weights};

const void *get_extension(void *, diph_string id) {
  return diph_string_equals(id, DIPH_OPERATOR_DATA_WEIGHTS) ? &data_weights : nullptr;
}

/* A null in place of `normal`: the host composes A^H A of the two. */
const diph_operator_vtable vtable = {
    sizeof(diph_operator_vtable), destroy, get_extension, domain, range, forward, adjoint, nullptr,
};

int32_t create(const diph_host *, diph_string, diph_string options_json, const diph_acquisition *acquisition,
               diph_instance *instance, diph_error *error) {
  return guarded(error, [&]() -> int32_t {
    const diph_acquisition given = diph_read_acquisition(acquisition);
    const diph_tensor *trajectory = nullptr, *basis = nullptr, *weights = nullptr;
    int32_t status = diph_read_options(options_json, nullptr, 0, error); /* it has no options */
    if (status == DIPH_OK) status = diph_required_array(&given, "trajectory", DIPH_F64, 3, &trajectory, error);
    if (status == DIPH_OK) status = diph_required_array(&given, "basis", DIPH_F32, 2, &basis, error);
    if (status == DIPH_OK) status = diph_optional_array(&given, "weights", DIPH_F32, 2, &weights, error);
    if (status != DIPH_OK) return status;
    if (trajectory->shape[2] != 2 || given.image_ndim != 2) {
      return diph_fail(error, DIPH_ERROR_ARGUMENT, "expected a plane, and positions (ky, kx) in it");
    }
    if (basis->shape[0] != trajectory->shape[0]) {
      return diph_fail(error, DIPH_ERROR_ARGUMENT, "array `basis`: expected as many frames as `trajectory` has");
    }
    if (weights != nullptr && (weights->shape[0] != trajectory->shape[0] || weights->shape[1] != trajectory->shape[1])) {
      return diph_fail(error, DIPH_ERROR_ARGUMENT, "array `weights`: expected as many frames and samples as `trajectory` has");
    }
    auto *self = new Operator{trajectory->shape[0],          trajectory->shape[1],     basis->shape[1],
                              given.image[0],                given.image[1],           values_of<double>(trajectory),
                              values_of<float>(basis),       values_of<float>(weights), 0.0f,
                              {},                            {},                       {},
                              {}};
    for (float &root : self->roots) root = std::sqrt(root);
    self->scale = 1.0f / std::sqrt(static_cast<float>(self->height * self->width));
    if (given.fourier_scale == DIPH_FOURIER_TWICE_OVERSAMPLED) self->scale *= 0.5f;
    const diph_axis image[3] = {
        {DIPH_STRING("coefficient"), self->coefficients}, {DIPH_STRING("y"), self->height}, {DIPH_STRING("x"), self->width}};
    const diph_axis kspace[3] = {
        {DIPH_STRING("coil"), 1}, {DIPH_STRING("frame"), self->frames}, {DIPH_STRING("sample"), self->samples}};
    std::copy(image, image + 3, self->image_axes);
    std::copy(kspace, kspace + 3, self->kspace_axes);
    self->image = {sizeof(diph_space), self->image_axes, 3};
    self->kspace = {sizeof(diph_space), self->kspace_axes, 3};
    instance->self = self;
    instance->vtable = &vtable;
    return DIPH_OK;
  });
}

const diph_descriptor descriptors[] = {{
    sizeof(diph_descriptor),
    DIPH_STRING("template.part"),
    DIPH_STRING("Template part"),
    DIPH_STRING("0.1.0"),
    DIPH_STRING(DIPH_KIND_FORWARD_OPERATOR),
    DIPH_STRING("Non-uniform Fourier transform of a plane by direct sums, one coil"),
    DIPH_STRING(R"({"type": "object", "properties": {}, "additionalProperties": false})"),
    /* What `diph plugin check` tries it on. */
    DIPH_STRING(R"({"options": {}, "facts": {"image": [6, 5]}, "arrays": {
        "trajectory": {"shape": [3, 7, 2], "dtype": "f64", "low": -0.5, "high": 0.5},
        "basis": {"shape": [3, 2], "dtype": "f32", "low": -1.0, "high": 1.0},
        "weights": {"shape": [3, 7], "dtype": "f32", "low": 0.1, "high": 2.0}}})"),
    /* What it needs of the acquisition. */
    DIPH_STRING(R"({"arrays": ["trajectory", "basis"], "optional_arrays": ["weights"], "facts": ["image"],
        "optional_facts": ["fourier_scale"]})"),
}};

}  // namespace

DIPH_EXPORT_COMPONENTS(descriptors, create);
