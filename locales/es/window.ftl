# The window of the desktop program.

window-purpose = Pase sus llamadas del sistema de voz viejo al nuevo poco a poco, y devuélvalas todas al viejo de una vez si algo va mal.
window-version = Versión { $version }
window-console-later = La consola se abrirá en esta ventana con una versión posterior.
window-terminal-today = Hoy Timonel trabaja en la terminal. Para ensayar, sin tocar ningún sistema real, un despliegue que sale mal, escriba en la carpeta del proyecto:
window-no-answer = La ventana no pudo preguntar al programa ({ $reason }). Ciérrela y vuelva a abrir Timonel; nada de lo que corre en la terminal depende de ella.
