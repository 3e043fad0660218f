"""What all programs do at the command line."""

import sys

import pytest

from gatedinpaint_jax import command_line, errors

DOC = "Does something.\n\n  python -m something --image a.jpg\n"


def parse(*arguments, required=()):
  flag = command_line.Flags()
  flag.several("image", "Pictures to do.")
  flag.text("output", "Where it goes.")
  flag.switch("overwrite", "Replace it.")
  flag.integer("size", 8, "Of what " * 20, lower_bound=1)
  flag.choice("kind", "a", ["a", "b"], "Which.")
  return command_line.parse(
    flag, ["something", *arguments], doc=DOC, required=required
  )


def refusal(*arguments, **options):
  with pytest.raises(errors.UserError) as caught:
    parse(*arguments, **options)
  return str(caught.value)


def exit_code_of(monkeypatch, main):
  monkeypatch.setattr(sys, "argv", ["something", "--image=x"])
  with pytest.raises(SystemExit) as caught:
    command_line.run(main)
  return caught.value.code


def test_flags_have_their_values():
  values = parse("--image=a", "--image", "b", "--size=3", "--nooverwrite")
  assert values.image == ["a", "b"] and values.size == 3
  assert values.output is None and values.overwrite is False


@pytest.mark.parametrize("arguments", [[], ["--size=3"], ["--image=x"]])
def test_help_says_all_and_exits_with_0(capsys, arguments):
  with pytest.raises(SystemExit) as caught:
    parse(*arguments, "--help", required=("image", "output"))
  assert caught.value.code == 0
  printed, errors_printed = capsys.readouterr()
  assert printed.startswith(DOC.strip() + "\n\n  --image  Pictures to do.\n")
  for line in (
    "  --output  Where it goes.",
    "  --[no]overwrite  Replace it.",
    "(default: 8)",
    "(default: a)",
  ):
    assert line in printed
  assert "help" not in printed and "repeat this option" not in printed
  assert max(map(len, printed.splitlines())) <= 80
  assert not errors_printed


@pytest.mark.parametrize(
  ("argument", "hint"),
  [
    ("--imge=x", "unknown flag --imge; did you mean --image?"),
    ("--qqqq", "unknown flag --qqqq"),
  ],
)
def test_unknown_flag_names_the_nearest(argument, hint):
  assert refusal(argument) == hint


@pytest.mark.parametrize(
  ("arguments", "parts"),
  [
    (["--size=0"], ["--size=0", "positive"]),
    (["--kind=c"], ["--kind=c", "a|b"]),
    (["--output"], ["--output"]),
  ],
)
def test_wrong_value_names_its_flag(capsys, arguments, parts):
  message = refusal(*arguments)
  for part in parts:
    assert part in message
  assert not capsys.readouterr().err


def test_missing_flag_says_what_it_is_for():
  message = refusal("--output=x", required=("output", "image"))
  assert message == "--image is missing: Pictures to do."
  assert refusal("--image=x", "--output=", required=("output",))


def test_stray_word_has_a_hint():
  # What a shell makes of --image *.jpg
  message = refusal("--image", "a.jpg", "b.jpg")
  assert message.startswith("'b.jpg' is not a flag; flags begin with --")
  assert "pattern" in message and "quotes" in message


@pytest.mark.parametrize("code", [0, 1, 2])
def test_program_gets_the_arguments_and_exits_with_its_code(monkeypatch, code):
  seen = []
  main = lambda argv: seen.extend(argv) or code
  assert exit_code_of(monkeypatch, main) == code
  assert seen == ["something", "--image=x"]


@pytest.mark.parametrize(
  ("error", "code", "printed"),
  [
    (errors.UserError("a.jpg: no\n  such file"), 2, "a.jpg: no such file"),
    (
      FileNotFoundError(2, "No such file or directory", "/no/a.jpg"),
      2,
      "/no/a.jpg: No such file or directory",
    ),
    (KeyboardInterrupt(), 130, None),
  ],
)
def test_mistakes_are_one_line(monkeypatch, capsys, error, code, printed):
  def fail(argv):
    raise error

  assert exit_code_of(monkeypatch, fail) == code
  line = f"error: {printed}\n" if printed else ""
  assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize("error", [ConnectionError("of a library"), KeyError()])
def test_error_of_the_program_itself_is_not_hidden(monkeypatch, error):
  def fail(argv):
    raise error

  with pytest.raises(type(error)):
    exit_code_of(monkeypatch, fail)
