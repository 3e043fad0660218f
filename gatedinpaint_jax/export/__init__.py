"""The generator in the files of other runtimes."""
