"""Questions to answer before running, and the look back at them."""

_asked = {}


def predict(name, options):
    """Ask the reader to choose one of the options before running on; returns the widget to choose with.

    Nothing is chosen at first. Asked again under the same name, it remembers the choice while the kernel lives.
    """
    from ipywidgets import RadioButtons  # here, so that importing cnnlib brings in nothing of Jupyter

    class Question(RadioButtons):
        def __repr__(self):
            return "\n".join(f"({'x' if option == self.value else ' '}) {option}" for option in self.options)

        def _repr_mimebundle_(self, **kwargs):  # in full: ipywidgets would cut the text short
            return {**super()._repr_mimebundle_(**kwargs), "text/plain": repr(self)}

    if not isinstance(options, (list, tuple)) or len(options) < 2:
        raise ValueError(f"options must be a list of two or more answers to choose from, got {options!r}")
    before = _asked[name].value if name in _asked else None
    question = Question(options=options, value=before if before in options else None, layout={"width": "max-content"})
    _asked[name] = question
    return question


def look_back(name, answer, why):
    """Print what the reader chose when `predict(name, ...)` asked, and what is true, and why."""
    question = _asked.get(name)
    if question and answer not in question.options:
        raise ValueError(f"answer must be one of the options {list(question.options)}, got {answer!r}")
    chosen = question.value if question else None
    if chosen is None:
        print(f"You did not choose. The answer is “{answer}”: {why}")
    elif chosen == answer:
        print(f"You chose “{chosen}”, and so it is: {why}")
    else:
        print(f"You chose “{chosen}”. The answer is “{answer}”: {why}")
