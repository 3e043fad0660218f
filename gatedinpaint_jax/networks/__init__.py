"""The networks of the paper.

To read the model from the top: inpaint_generator.py, ../layers/conv.py,
../layers/contextual_attention.py, ../layers/patches.py, patch_discriminator.py.
"""
