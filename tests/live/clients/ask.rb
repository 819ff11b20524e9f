# Ruby's Net::HTTP: a method and URLs, of which the last is asked for by that method.
require "net/http"

method, *urls = ARGV
site = URI(urls[0])
Net::HTTP.start(site.host, site.port, nil) do |http|
  urls.each_with_index do |url, number|
    post = number == urls.size - 1 && method == "POST"
    request = (post ? Net::HTTP::Post : Net::HTTP::Get).new(URI(url))
    request.body = "a=b" if post
    http.request(request)
  rescue EOFError, SystemCallError
    next
  end
end
