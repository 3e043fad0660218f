"""What a person can put right, told in one line and without a traceback."""


class UserError(Exception):
  """A mistake of the person who runs the program, not of the program.

  The message is one line that names the file, key or flag, says what is wrong
  with it and what would be right. Programs print it and end with exit code 2.
  """
