<?php
// What an application is told about who asks: put it behind the gate while you
// run `latchkey probe`, then take it away again.
header('Content-Type: text/plain');
header('Cache-Control: no-store');
foreach ($_SERVER as $name => $value)
	if (is_string($value))
		echo "$name=$value\n";
