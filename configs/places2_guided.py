"""Places2 with a sketch that guides the fill, inside the hole.

python -m gatedinpaint_jax.main --config=configs/places2_guided.py

Lines are found in the whole photo. The paper's come from a trained edge
detector: to use such files, set `config.data.source=folder`,
`config.data.sketch=files` and `config.data.sketch_threshold=0.6`, and lay
X_edge.jpg beside each X.jpg.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.guided = True
  config.data.sketch = "edges"
  # Of the strongest gradient in the picture; keeps outlines, drops texture.
  config.data.sketch_threshold = 0.2
  # Every other picture goes without, so that one model fills with and without.
  config.data.sketch_drop_probability = 0.5
  return config
