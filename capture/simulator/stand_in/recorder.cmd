@python "%~dp0recorder.py"
