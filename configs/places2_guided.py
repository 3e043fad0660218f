"""Places2 with a sketch that guides the fill, inside the hole.

python -m gatedinpaint_jax.main --config=configs/places2_guided.py

Sketches are edges detected in the photographs. The paper's come from a trained
edge detector. To train on such files, set `config.data.source=folder`,
`config.data.sketch=files` and `config.data.sketch_threshold=0.6`, and put
X_edge.jpg next to each X.jpg.
"""

from configs import places2


def get_config():
  config = places2.get_config()
  config.model.guided = True
  config.data.sketch = "edges"
  # Relative to the largest gradient; keeps outlines and drops texture.
  config.data.sketch_threshold = 0.2
  # So that the model works with and without a sketch.
  config.data.sketch_drop_probability = 0.5
  return config
