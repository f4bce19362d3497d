#!/usr/bin/env python3
"""Writes a page of HTML of that many bytes. Usage: page.py FILE BYTES"""
import sys

with open(sys.argv[1], "w") as page:
    left = int(sys.argv[2])
    page.write("<html><body>\n")
    while left > 0:
        text = (f'<p>paragraph {left} <b>bold</b> <a href="http://x/{left}">link</a> and more text</p>'
                f"<table border=1><tr><td>{left}</td><td>cell</td></tr></table>\n")
        page.write(text)
        left -= len(text)
    page.write("</body></html>\n")
