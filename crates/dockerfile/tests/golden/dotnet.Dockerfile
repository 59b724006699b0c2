# escape=`
# syntax=docker/dockerfile:1

ARG DOTNET=8.0
ARG WINDOWS=ltsc2022

FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}-nanoserver-${WINDOWS}
ARG VERSION=1.0.0
LABEL version=$VERSION
WORKDIR C:\app
COPY --chown=ContainerUser .\publish\ .
COPY ["Licence files\\*.txt", "C:\\Program Files\\Shop\\licences\\"]
ENV ASPNETCORE_URLS=http://+:8080 `
    Shop__Data="C:\data" `
    SHOP_LOG=C:\logs\${VERSION}.log
COPY <<settings.json C:\app\
{ "version": "$VERSION" }
settings.json
VOLUME C:\data C:\logs
EXPOSE 8080
USER ContainerUser
HEALTHCHECK CMD curl.exe -f http://localhost:8080/health || exit 1
SHELL ["powershell", "-Command"]
CMD Get-Content C:\logs\start.log
ENTRYPOINT ["dotnet", "Shop.dll"]
