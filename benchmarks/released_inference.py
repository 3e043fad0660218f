"""Completes pictures with the released program JiahuiYu/generative_inpainting.

Only for `inference.py` and `memory.py`, which start this file. It builds the
graph of the program's own checkout, which is of TensorFlow 1, in TensorFlow 2
and does for each line on stdin what `turns.py` asks for. What TensorFlow 2 has
no more is put in its place here: `tf.layers.conv2d` and the argument scopes of
`tf.contrib`. Weights are random.

  python benchmarks/released_inference.py --released PATH --neuralgym PATH
"""

import argparse
import contextlib
import functools
import os
import sys
import types
import unittest.mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow
import turns

tf = tensorflow.compat.v1

# Of the argument scopes that are open: by function, its keyword arguments.
_scopes = [{}]


def parse_flags():
  """Reads the command line."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("--released", required=True, help="the program")
  parser.add_argument("--neuralgym", required=True, help="what it needs")
  parser.add_argument("--size", type=int, default=256, help="pixels a side")
  parser.add_argument("--batch", type=int, default=1, help="pictures at once")
  return parser.parse_args()


def main():
  """Answers the lines on stdin."""
  flags = parse_flags()
  turn = build_turn(flags)
  turns.answer(turn, {"tensorflow": tensorflow.__version__})


def build_turn(flags):
  """Returns a function that completes a batch, from uint8 to uint8."""
  # Version 2 says of most of version 1 how old it is.
  tensorflow.get_logger().setLevel("ERROR")
  build_graph = import_program(flags)
  size = (flags.batch, flags.size, flags.size, 3)
  image = np.random.default_rng(0).integers(0, 256, size, np.uint8)
  mask = np.zeros(size, np.uint8)
  quarter = flags.size // 4
  mask[:, quarter:-quarter, quarter:-quarter] = 255
  # The program takes the picture and its mask side by side.
  both = np.concatenate([image, mask], axis=2)
  with tf.Graph().as_default():
    given = tf.placeholder(tf.uint8, both.shape)
    completed = build_graph(tf.cast(given, tf.float32))
    levels = tf.clip_by_value((completed + 1) * 127.5, 0, 255)
    levels = tf.cast(levels, tf.uint8)
    cores = len(os.sched_getaffinity(0))
    session = tf.Session(
      config=tf.ConfigProto(
        intra_op_parallelism_threads=cores, inter_op_parallelism_threads=cores
      )
    )
    session.run(tf.global_variables_initializer())
  return lambda: session.run(levels, {given: both})


def import_program(flags):
  """Returns what builds the program's graph from its input."""
  _install_tensorflow_1()
  sys.path[:0] = [flags.released, flags.neuralgym]
  import inpaint_model

  settings = types.SimpleNamespace(guided=False, padding="SAME")
  return functools.partial(
    inpaint_model.InpaintCAModel().build_server_graph, settings
  )


def _install_tensorflow_1():
  """Makes `import tensorflow` give as much of version 1 as is needed."""
  first = _TensorFlow1("tensorflow")
  first.__path__ = tensorflow.__path__
  first.layers = unittest.mock.MagicMock(conv2d=_convolve)
  first.contrib = unittest.mock.MagicMock()
  operations = first.contrib.framework.python.ops
  operations.add_arg_scope, operations.arg_scope = _add_arg_scope, _arg_scope
  first.contrib.framework.add_arg_scope = _add_arg_scope
  first.contrib.framework.arg_scope = _arg_scope
  sys.modules |= {
    "tensorflow": first,
    "tensorflow.contrib": first.contrib,
    "tensorflow.contrib.framework": first.contrib.framework,
    "tensorflow.contrib.framework.python": first.contrib.framework.python,
    "tensorflow.contrib.framework.python.ops": operations,
  }


class _TensorFlow1(types.ModuleType):
  """What is not set here is that of `tensorflow.compat.v1`."""

  def __getattr__(self, name):
    return getattr(tf, name)


def _convolve(
  x,
  filters,
  kernel_size,
  strides=1,
  *,
  padding,
  dilation_rate=1,
  activation=None,
  name=None,
):
  """Does what `tf.layers.conv2d` did, for square kernels."""
  with tf.variable_scope(name):
    shape = (kernel_size, kernel_size, x.shape[-1], filters)
    kernel = tf.get_variable("kernel", shape)
    bias = tf.get_variable("bias", filters, initializer=tf.zeros_initializer())
  y = tf.nn.conv2d(
    x, kernel, strides=strides, padding=padding, dilations=dilation_rate
  )
  y = tf.nn.bias_add(y, bias)
  return y if activation is None else activation(y)


def _add_arg_scope(function):
  """Lets `_arg_scope` set keyword arguments of a function."""

  @functools.wraps(function)
  def scoped(*args, **kwargs):
    return function(*args, **(_scopes[-1].get(scoped, {}) | kwargs))

  return scoped


@contextlib.contextmanager
def _arg_scope(functions, **kwargs):
  scope = dict(_scopes[-1])
  scope |= {each: scope.get(each, {}) | kwargs for each in functions}
  _scopes.append(scope)
  try:
    yield
  finally:
    _scopes.pop()


if __name__ == "__main__":
  main()
