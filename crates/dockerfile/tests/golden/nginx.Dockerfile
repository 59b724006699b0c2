from nginx:1.29-alpine as runtime
maintainer Web Team <web@example.org>
env NGINX_PORT 80
shell ["/bin/ash", "-eo", "pipefail", "-c"]
copy --parents site/./assets/**/*.css site/./*.html /usr/share/nginx/html/
copy --chmod=u=rwX,go=rX etc/ /etc/nginx/
label description="A site\
 on two lines" empty=""
label org.example.path='$HOME is not expanded' org.example.home="$HOME"
volume ["/var/cache/nginx", "/var/run"]
expose ${NGINX_PORT} 8000-8002/udp 127.0.0.1:443:443/TCP
stopsignal SIGQUIT
healthcheck none
cmd nginx -g 'daemon off;'
