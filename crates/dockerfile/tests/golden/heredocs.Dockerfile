FROM debian:12-slim
ARG PORT=8080
COPY --chmod=0644 <<nginx.conf <<'raw.conf' extra.conf <<-"tab bed.conf" /etc/nginx/conf.d/
server {
    listen ${PORT};
    root "/srv/$PORT";  # \$uri stays
}
nginx.conf
log_format main '$remote_addr ${PORT}';
raw.conf
	indented
		$PORT
	tab bed.conf
COPY <<EOF /etc/motd
It is ${PORT:+open}${NOPE:-}.
EOF
ADD --chown=www-data <<a /srv/
a
CMD cat <<X
