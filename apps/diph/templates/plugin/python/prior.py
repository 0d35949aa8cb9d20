"""The prior `template.part`. What stands here, soft thresholding, is a placeholder: change `denoise` into your own."""

import numpy as np

ID = "template.part"
NAME = "Template part"
VERSION = "0.1.0"
KIND = "prior"
SUMMARY = "Soft thresholding of magnitudes"
# Options as JSON schema; `diph plugin info` shows them.
OPTIONS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"weight": {"type": "number", "minimum": 0, "default": 1, "description": "Weight of the penalty"}},
}
# What `diph plugin check` tries it on.
EXAMPLE = {"options": {"weight": 0.5}, "image": [3, 9, 8]}
# Nothing of the acquisition; it takes planes and volumes.
REQUIREMENTS = {"spatial_axes": [2, 3]}


class Part:
    # How exactly `denoise` is a proximal map, so that `diph plugin check` tries the laws of one; None for a denoiser that is none.
    proximal_accuracy = 1e-5

    def __init__(self, options, acquisition):
        self.weight = float(options.get("weight", 1.0))

    def denoise(self, noisy, sigma, context):
        """The proximal map of sigma^2 R, R(x) = weight * sum |x_i|, and R of the result (None where there is no R).

        `noisy` is complex (coefficient, [z,] y, x); `context` has `schedule`, `conditions` and the seeded generator `rng`.
        """
        magnitude = np.abs(noisy)
        keep = np.maximum(0, 1 - self.weight * sigma**2 / np.maximum(magnitude, np.finfo(np.float32).tiny))
        clean = keep * noisy
        return clean, self.weight * np.abs(clean).sum(dtype=float)
