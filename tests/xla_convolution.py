"""The convolution that ours are compared with."""

from jax import lax


def convolve(x, kernel, *, stride=1, dilation=1):
  """Returns XLA's own convolution, `SAME`.

  Args:
    x: `[B, H, W, I]`.
    kernel: `[h, w, I, O]`.
    stride: along both axes.
    dilation: of the kernel, likewise.
  """
  return lax.conv_general_dilated(
    x,
    kernel,
    (stride, stride),
    "SAME",
    rhs_dilation=(dilation, dilation),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
  )
